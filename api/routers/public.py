"""`/api/v1`: what everybody may read, and evidence for those who prove who they are."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic.dataclasses import dataclass

from api.auth import check_entitled
from api.contract import ALWAYS, problems
from api.parts import OfParts, OfReads
from node.services.reads import PAGE, NodeInfo, PartnerInfo, TenderInfo
from node.services.signed_read import SIGNATURE_HEADER, TIME_HEADER

# Names of tenders (LotId) and ids of streams are both of this form.
TenderId = Annotated[
    str,
    Path(
        alias="id",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="A tender's own id, or the id of its stream.",
    ),
]
READER: Final = r"^(public|regulator|centre:[a-z][a-z0-9-]{0,31}|bidder:[0-9a-f]{64})$"
SIGNED: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": f"{what}; needed for every reader but public",
        }
        for name, what in (
            (TIME_HEADER, "When the request was signed, YYYY-MM-DDTHH:MM:SSZ"),
            (SIGNATURE_HEADER, "<key id>:<signature in hex>"),
        )
    ]
}


@dataclass(frozen=True)
class Partners:
    """All other members."""

    partners: list[PartnerInfo]


@dataclass(frozen=True)
class Tenders:
    """A page of tenders by id; `next` is the `after` of the next page, absent values are null."""

    tenders: list[TenderInfo]
    next: str | None


router = APIRouter(prefix="/api/v1", tags=["public"], responses=problems(ALWAYS))


@router.get("/node")
async def node(reads: OfReads) -> NodeInfo:
    """Say who this node is: names, keys, clock, view of the chain."""
    return await reads.node()


@router.get("/partners")
async def partners(reads: OfReads) -> Partners:
    """List the other members and whether they are connected."""
    return Partners(await reads.partners())


@router.get("/tenders", responses=problems([422]))
async def tenders(
    reads: OfReads,
    after: Annotated[
        str | None,
        Query(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="The last id of the page before."),
    ] = None,
) -> Tenders:
    """List tenders by id: what everybody may know of each."""
    found = await reads.tenders(after)
    return Tenders(found, found[-1].id if len(found) >= PAGE else None)


@router.get("/tenders/{id}", responses=problems([404, 422]))
async def tender(reads: OfReads, tender_id: TenderId) -> TenderInfo:
    """Give what everybody may know of one tender."""
    return await reads.tender(tender_id)


@router.get(
    "/tenders/{id}/evidence",
    response_class=Response,
    responses={
        200: {
            "description": "yuanping-evidence/v1",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        **problems([403, 404, 409, 422]),
    },
    openapi_extra=SIGNED,
)
async def evidence(
    request: Request,
    parts: OfParts,
    tender_id: TenderId,
    reader: Annotated[
        str, Query(alias="as", pattern=READER, description="Whom the file is made for.")
    ] = "public",
) -> Response:
    """Give the evidence file of a tender, cut for its reader; check it with `yuanping verify`."""
    await check_entitled(request, parts.reads, reader)
    async with parts.costly.enter():
        file = await parts.reads.evidence(tender_id, reader)
    middle = "" if reader == "regulator" else f".{reader.replace(':', '-')}"  # interfaces I2
    name = f'attachment; filename="{tender_id}{middle}.evidence.json"'
    headers = {"Content-Disposition": name, "Cache-Control": "private, no-store"}
    return Response(file, headers=headers, media_type="application/json")


@router.get(
    "/trust",
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def trust(reads: OfReads) -> dict[str, Any]:
    """Give the trust policy of this node's network, for people who have none of their own yet."""
    return await reads.trust()
