"""The leak search: every layer of every byte that a party holds, searched for what it may not hold.

`canaries` proves that the search sees through each encoding before any tender is searched.
"""
