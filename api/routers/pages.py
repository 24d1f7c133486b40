"""`/`: one page that lists the addresses of this node, in Chinese and in English."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.contract import ALWAYS, problems
from api.language import TAGS, Language, language_of, texts
from api.parts import OfReads

_HERE: Final = Path(__file__).parents[1]
_STYLE: Final = (_HERE / "static" / "page.css").read_bytes()
_PAGES: Final = Environment(
    loader=FileSystemLoader(_HERE / "pages"), autoescape=True, undefined=StrictUndefined
)


@dataclass(frozen=True, slots=True)
class Address:
    """One line of the page; only what a browser can open by itself is a link."""

    name: str
    path: str
    opens: bool = True


ADDRESSES: Final = (
    Address("healthz", "/healthz"),
    Address("readyz", "/readyz"),
    Address("node", "/api/v1/node"),
    Address("partners", "/api/v1/partners"),
    Address("tenders", "/api/v1/tenders"),
    Address("tender", "/api/v1/tenders/{id}", opens=False),
    Address("evidence", "/api/v1/tenders/{id}/evidence?as=public", opens=False),
    Address("trust", "/api/v1/trust"),
    Address("openapi", "/api/v1/openapi.json"),
    Address("checkpoint", "/log/checkpoint"),
    Address("tile", "/log/tile/{L}/{N}", opens=False),
    Address("witness", "/witness/add-checkpoint", opens=False),
    Address("metrics", "/metrics"),
)

router = APIRouter(include_in_schema=False, responses=problems(ALWAYS))


@router.get("/")
async def index(
    reads: OfReads,
    lang: Annotated[str | None, Query()] = None,
    accept_language: Annotated[str, Header()] = "",
) -> Response:
    """Give the page in the reader's language."""
    language = language_of(lang, accept_language)
    other: Language = "en" if language == "zh" else "zh"
    about = await reads.node()
    page = _PAGES.get_template("index.html.j2").render(
        node=about,
        name=about.name.zh if language == "zh" else about.name.en,
        t=texts(language),
        tag=TAGS[language],
        other=other,
        other_tag=TAGS[other],
        addresses=ADDRESSES,
    )
    headers = {
        "Content-Language": TAGS[language],
        "Vary": "Accept-Language",
        "Cache-Control": "no-cache",
    }
    return Response(page, headers=headers, media_type="text/html; charset=utf-8")


@router.get("/static/page.css")
async def style() -> Response:
    """Give the page's style."""
    return Response(_STYLE, headers={"Cache-Control": "max-age=3600"}, media_type="text/css")
