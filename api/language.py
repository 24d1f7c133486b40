"""Which language a page is in: what the address says, else the browser, else Chinese."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

Language = Literal["zh", "en"]
TAGS: Final[Mapping[Language, str]] = {"zh": "zh-CN", "en": "en"}
"""Language -> its BCP 47 tag."""
_LANGUAGES: Final[Mapping[str | None, Language]] = {"zh": "zh", "en": "en"}
MAX_RANGES: Final = 32
"""Of an `Accept-Language` only so many ranges are read."""
_RANGE: Final = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*\s*(?:;\s*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)
_TEXTS: Final = Path(__file__).parent / "i18n"


def language_of(asked: str | None, accept: str) -> Language:
    """Give the language: `?lang=zh|en`, else the range of highest weight, else `zh`.

    Source: RFC 9110, 12.5.4. What is malformed in `accept` counts as not said; of equal weights
    the first stands.
    """
    if asked in _LANGUAGES:
        return _LANGUAGES[asked]
    best: tuple[float, Language] = (0.0, "zh")
    for part in accept.split(",", MAX_RANGES)[:MAX_RANGES]:
        found = _RANGE.fullmatch(part)
        weight = float(found[2] or 1) if found else 0.0
        language = _LANGUAGES.get(found[1].lower()) if found else None
        if language and weight > best[0]:
            best = (weight, language)
    return best[1]


@cache
def texts(language: Language) -> Mapping[str, str]:
    """Give the texts of pages in a language, by name."""
    read: dict[str, str] = json.loads((_TEXTS / f"{language}.json").read_text("utf-8"))
    return read
