"""`yuanping replay`: real tenders carried through a running network, and compared with the city."""

from __future__ import annotations
