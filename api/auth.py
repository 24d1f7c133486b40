"""Who asks: signed reads of evidence, and scrapers of metrics.

Plain HTTP knows nobody. `public` needs no proof; any other reader signs his request with the key
that the registry, or his own sealed bid, names (node.services.signed_read). Whoever asks wrongly
hears `forbidden`, whether or not there is such a reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.requests import Request

from node.core.errors import ForbiddenError, InvalidError
from node.services.reads import Reads
from node.services.signed_read import (
    SIGNATURE_HEADER,
    TIME_HEADER,
    WINDOW_S,
    is_fresh,
    parse_claim,
    read_message,
)

Network = IPv4Network | IPv6Network
LOOPBACK: Final[tuple[Network, ...]] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


async def check_entitled(request: Request, reads: Reads, reader: str) -> None:
    """Accept only a request that its reader signed just now, for this node and this address.

    Raises ForbiddenError, saying which header is missing or wrong.
    """
    if reader == "public":
        return
    time = _only(request, TIME_HEADER)
    try:
        claim = parse_claim(_only(request, SIGNATURE_HEADER))
        fresh = is_fresh(time, reads.now())
    except InvalidError as error:
        raise ForbiddenError(error.detail) from None
    if not fresh:
        raise ForbiddenError(f"{TIME_HEADER} is more than {WINDOW_S} s from this node's time")
    message = read_message((await reads.node()).id, target_of(request), time)
    if not await reads.entitled(reader, claim.key, message, claim.signature):
        raise ForbiddenError("this key may not read as this reader, or did not sign this request")


def target_of(request: Request) -> bytes:
    """Give the request target as it was sent: path, and the query after `?` if there is one."""
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope.get("query_string", b"")
    return path + b"?" + query if query else path


def check_scraper(request: Request, scrapers: Sequence[Network]) -> None:
    """Accept only a direct connection from one of these networks; a proxy's is nobody's.

    Raises ForbiddenError.
    """
    host = request.client.host if request.client else ""
    proxied = any(name in request.headers for name in _FORWARDED)
    if proxied or not _is_in(host, scrapers):
        raise ForbiddenError("metrics are for this node's own operator, from its own machine")


def _only(request: Request, header: str) -> str:
    """Give the one value of a header. Raises ForbiddenError if there is none, or several."""
    values = request.headers.getlist(header)
    if len(values) != 1:
        raise ForbiddenError(f"this reader's request needs one header {header}; see http.md")
    return values[0]


def _is_in(host: str, networks: Sequence[Network]) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
