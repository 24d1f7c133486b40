"""A whole network in memory: members, logs, chain and tenders, made by the real core functions.

Deterministic from a seed, but for the ciphertexts of boxes: their nonces are the library's own.
"""
