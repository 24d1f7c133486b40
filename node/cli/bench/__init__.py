"""`yuanping bench`: what this node does in a second, beside the least that any program must do."""

from __future__ import annotations
