"""Partners' witness endpoints over HTTP (C2SP tlog-witness): the port `Witness`.

What an attacker gains who answers in a witness's place: nothing, for a cosignature is verified
with the key that the registry names.
"""

from __future__ import annotations

import asyncio
import http.client
import weakref
from urllib.parse import SplitResult, urlsplit

from node.core.errors import UnavailableError

TIMEOUT_S = 5.0
MAX_ANSWER = 64 * 1024


class HttpWitness:
    """Asks over one connection a witness, kept open between questions; answers have a limit."""

    def __init__(self) -> None:
        self._idle: dict[str, http.client.HTTPConnection] = {}
        weakref.finalize(self, _close_all, self._idle)

    async def add_checkpoint(self, url: str, body: bytes) -> tuple[int, bytes]:
        """POST a checkpoint; (HTTP status, body). Raises UnavailableError."""
        return await asyncio.to_thread(self._post, url, body)

    def _post(self, url: str, body: bytes) -> tuple[int, bytes]:
        try:
            parts = urlsplit(url)
            if (kept := self._idle.pop(url, None)) is not None:
                try:
                    return self._ask(kept, url, body)
                except (OSError, http.client.HTTPException):
                    kept.close()  # closed meanwhile; asking twice changes nothing
            return self._ask(_connection(parts), url, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            kind = type(error).__name__
            raise UnavailableError(f"the witness does not answer: {kind}") from None

    def _ask(
        self, connection: http.client.HTTPConnection, url: str, body: bytes
    ) -> tuple[int, bytes]:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        try:
            connection.request("POST", urlsplit(url).path, body, headers)
            answer = connection.getresponse()
            said = answer.status, answer.read(MAX_ANSWER)
        except BaseException:
            connection.close()
            raise
        if answer.isclosed() and not answer.will_close and url not in self._idle:
            self._idle[url] = connection
        else:
            connection.close()
        return said


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)


def _close_all(idle: dict[str, http.client.HTTPConnection]) -> None:
    while idle:
        idle.popitem()[1].close()
