"""The system's chance: the only place that may ask for random bytes.

What an attacker gains who can foresee these bytes: every salt, key and secret made here. So they
come from the operating system's generator only, and nothing of ours mixes or stretches them.
"""

from __future__ import annotations

import secrets


class SystemEntropy:
    """Random bytes from the operating system, fit for keys."""

    def bytes(self, n: int) -> bytes:
        """Give n fresh random bytes (n >= 0)."""
        return secrets.token_bytes(n)
