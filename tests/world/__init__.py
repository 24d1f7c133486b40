"""A whole network in memory: members, logs, chain and tenders, made by the real core functions.

Deterministic: every byte follows from the name of the tender.
"""
