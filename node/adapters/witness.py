"""Partners' witness endpoints over HTTP (C2SP tlog-witness): the port `Witness`.

What an attacker gains who answers in a witness's place: nothing, for a cosignature is verified
with the key that the registry names.
"""

from __future__ import annotations

import asyncio
import http.client
from urllib.parse import urlsplit

from node.core.errors import UnavailableError

TIMEOUT_S = 5.0
MAX_ANSWER = 64 * 1024


class HttpWitness:
    """Asks one question a connection; answers are read to a limit."""

    async def add_checkpoint(self, url: str, body: bytes) -> tuple[int, bytes]:
        """POST a checkpoint; (HTTP status, body). Raises UnavailableError."""
        return await asyncio.to_thread(_post, url, body)


def _post(url: str, body: bytes) -> tuple[int, bytes]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            headers = {"Content-Type": "text/plain; charset=utf-8"}
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(MAX_ANSWER)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnavailableError(f"the witness does not answer: {type(error).__name__}") from None
