"""Which language a person reads: Chinese or English."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

Language = Literal["zh", "en"]


def language(environ: Mapping[str, str] | None = None) -> Language:
    """Give the reader's language: `YUANPING_LANG` (`zh` or `en`), else the locale's, else English.

    The locale is the first of LC_ALL, LC_MESSAGES and LANG that is set, as POSIX says.
    """
    env = os.environ if environ is None else environ
    asked = env.get("YUANPING_LANG", "").lower()
    if asked not in ("zh", "en"):
        asked = next((env[n] for n in ("LC_ALL", "LC_MESSAGES", "LANG") if env.get(n)), "").lower()
    return "zh" if asked.startswith("zh") else "en"


def say(zh: str, en: str) -> str:
    """Choose the text in the reader's language."""
    return zh if language() == "zh" else en
