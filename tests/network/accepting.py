"""The process that `test_store_kill` kills: accepts bids as fast as it can, and says which.

Usage: accepting.py FOLDER COUNT DATABASE_URL. Prints `stream <id>` and then
`<record> <seq> <entry>` for each record once it is answered as accepted; ticks between them.
Started again it goes on.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from node.adapters.blobs import FileBlobs
from node.adapters.sql.store import SqlStore
from node.core.records.canonical import decode, encode
from node.core.records.envelope import Envelope
from node.services.ports import Submission
from tests.simulators.office import Office, open_network, open_office
from tests.simulators.people import HOST, announced, composed, founding, id_of, planned, sealed_bid

TOGETHER = 4


def kept_bid(host: Office, folder: Path, stream: str, number: int) -> Submission:
    """The bidder's own copy of his bid: a box is never the same twice, a bid sent again is."""
    path = folder / f"bid-{number}.json"
    if not path.exists():
        item, made = sealed_bid(stream, f"bidder {number}")
        sealed = [share.hex() for share in made.sealed]
        kept = [encode(item.envelope).decode(), item.body.decode(), sealed, made.ciphertext.hex()]
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(kept), "utf-8")
        beside.replace(path)
    envelope, body, sealed, ciphertext = json.loads(path.read_text("utf-8"))
    host.blobs.put(bytes.fromhex(ciphertext))
    shares = tuple(bytes.fromhex(share) for share in sealed)
    return Submission(decode(envelope.encode(), Envelope), body.encode(), shares)


async def accept(host: Office, items: list[Submission]) -> None:
    """Send a few bids at once and print the answers."""
    for answer in await host.take(*items):
        print(answer.record, answer.seq, answer.entry, flush=True)


async def main(folder: Path, count: int, database_url: str) -> None:
    """Found the tender if it is not there yet, then bids and ticks."""
    _, wires = open_network()
    store = SqlStore(database_url)
    host = open_office(HOST, store, FileBlobs(folder / "blobs"), wires=wires)
    pair = founding(HOST)
    stream = id_of(pair[0])
    # Fresh witnesses know nothing of this log yet: cosigning begins from size 0.
    await host.tick()
    await host.take(*pair)
    await host.take(planned(stream), composed(stream), announced(stream))
    print("stream", stream, flush=True)
    for start in range(0, count, TOGETHER):
        numbers = range(start, start + TOGETHER)
        await accept(host, [kept_bid(host, folder, stream, number) for number in numbers])
        await host.tick()
    print("done", flush=True)
    store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
