"""Making a change of names in a folder durable: the other half of writing a file.

What an attacker gains who can change what lies there stands with each store that uses it.
"""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Return once the folder's own entries are on the disk (fsync). Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
