"""Whoever acts: buyer, bidders and experts, each a program of its own with its own keys.

No centre's process can sign for them. Each derives what to do next from what the stream says and
from its own durable files; a record is kept before it is sent, so that a program that was killed at
any line says the same thing again, never another.
"""

from __future__ import annotations
