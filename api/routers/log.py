"""`/log` and `/witness`: the transparency log as static files, and the witness's one call.

Source: C2SP tlog-tiles (content types, caching) and tlog-witness. Answers of add-checkpoint are
C2SP's own words, not problem documents: the log that asks reads them by that specification.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from api.contract import ALWAYS, problems, raw
from api.limits import read_body
from api.parts import OfReads
from node.core.errors import LogError, MissingError
from node.core.log.tiles import Tile, parse_tile_path
from node.core.log.witness import SIZE_TYPE, TEXT_TYPE

TILE_TYPE: Final = "application/octet-stream"
FOR_EVER: Final = "public, max-age=31536000, immutable"
TEXT: Final[dict[str, Any]] = {"text/plain": {"schema": {"type": "string"}}}
WITNESS_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Cosignature lines.", "content": TEXT},
    400: {"description": "Malformed, or the old size is above the checkpoint's.", "content": TEXT},
    403: {"description": "No signature by a key trusted for this log.", "content": TEXT},
    404: {"description": "Unknown log.", "content": TEXT},
    409: {
        "description": "The old size is not the one last cosigned, which is the answer.",
        "content": {SIZE_TYPE: {"schema": {"type": "string"}}},
    },
    422: {"description": "The consistency proof does not hold.", "content": TEXT},
}

router = APIRouter(tags=["log"], responses=problems(ALWAYS))


@router.get(
    "/log/checkpoint",
    response_class=Response,
    responses=raw("text/plain", "The newest signed checkpoint.") | problems([404]),
)
async def checkpoint(reads: OfReads) -> Response:
    """Give the newest published checkpoint."""
    note = await reads.checkpoint()
    if note is None:
        raise MissingError("this log has not published a checkpoint yet")
    return Response(note, headers={"Cache-Control": "no-cache"}, media_type=TEXT_TYPE)


@router.get(
    "/log/tile/{path:path}",
    response_class=Response,
    responses=raw(TILE_TYPE, "A tile or an entry bundle.", binary=True) | problems([404]),
)
async def tile(reads: OfReads, path: str) -> Response:
    """Give a tile `<L>/<N>[.p/<W>]` or entry bundle `entries/<N>[.p/<W>]`; it never changes."""
    data = await reads.tile(_tile_named(path))
    if data is None:
        raise MissingError("no published checkpoint covers this tile")
    return Response(data, headers={"Cache-Control": FOR_EVER}, media_type=TILE_TYPE)


@router.post(
    "/witness/add-checkpoint",
    tags=["witness"],
    response_class=Response,
    responses=WITNESS_ANSWERS,
    openapi_extra={"requestBody": {"required": True, "content": TEXT}},
)
async def add_checkpoint(request: Request, reads: OfReads) -> Response:
    """Cosign a checkpoint of a log of this network, if it extends the one cosigned last."""
    given = await reads.add_checkpoint(await read_body(request))
    # As a header: of a media type `text/…` the library would add a charset to text/x.tlog.size.
    headers = {"Cache-Control": "no-store", "Content-Type": given.content_type}
    return Response(given.body, given.status, headers)


def _tile_named(path: str) -> Tile:
    """Read the path; what names no tile is not there. Raises MissingError."""
    try:
        return parse_tile_path(f"tile/{path}")
    except LogError as error:
        raise MissingError(f"no tile: {error.detail}") from None
