"""Naming what a restored node could not get back: nothing is dropped in silence.

Our log says that something stood at a leaf even where nobody holds it any more: what is neither
padding nor a place of ours is a record that we had acknowledged and that had been shown to nobody
else, such as a bid before its time. Who sent it holds the receipt and the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.records.canonical import time_of
from node.core.records.envelope import open_envelope
from node.core.records.kinds import decode_body
from node.services.standing import Loss

if TYPE_CHECKING:
    from node.core.errors import NodeError
    from node.core.records.box import Box
    from node.services.ports import Blobs, PlaceRow, Store, Stretch
    from node.services.remaking import Remaker


@dataclass(frozen=True, slots=True)
class Looking:
    """Looks for what is missing in what came back. Blocking."""

    store: Store
    blobs: Blobs
    remaker: Remaker

    def places(self, stretches: Sequence[Stretch], known: frozenset[str]) -> Iterator[Loss]:
        """Leaves that hold something of ours of which no place came back.

        If nothing there is padding by our secret, the secret itself was lost with the old copy.
        """
        first, strange = unaccounted(stretches, known, self.remaker.paddings)
        found = [_place(leaf, entry, time_of(at)) for leaf, entry, at in strange]
        return iter([_secret(len(found))] if found and first is None else found)

    def contents(self, rows: Iterable[PlaceRow]) -> Iterator[Loss]:
        """Bodies and boxes that are missing from places that came back."""
        for row in rows:
            header = open_envelope(row.envelope).header
            where = f"{header.type} of {header.author}, stream {row.stream[:16]} place {row.seq}"
            if row.body is None:
                zh = f"记录正文：{where}"
                yield Loss("body", row.record, zh, f"the body of {where}")
                continue
            box: Box | None = getattr(decode_body(header.type, row.body), "box", None)
            if box is not None and not self._is_whole(row.record, box):
                zh = f"密封件：{where}；请其制作人重新发送同一份记录"
                yield Loss(
                    "box", row.record, zh, f"the box of {where}: ask its maker to send again"
                )

    def _is_whole(self, record: str, box: Box) -> bool:
        return self.blobs.size(box.ciphertext.sha256) is not None and all(
            self.store.sealed(record, number) is not None
            for number in range(1, len(box.holders) + 1)
        )


def unaccounted(
    stretches: Iterable[Stretch],
    known: frozenset[str],
    paddings: Callable[[int, int], frozenset[bytes]],
) -> tuple[int | None, list[tuple[int, str, int]]]:
    """The first leaf that is padding, and those neither padding nor known: leaf, entry, time.

    `paddings` gives all entries between two leaves that may be padding.
    """
    first, strange = None, []
    for one in stretches:
        filling = paddings(one.start, one.start + len(one.entries))
        for leaf, entry in enumerate(one.entries, one.start):
            if entry in filling:
                first = leaf if first is None else first
            elif entry.hex() not in known:
                strange.append((leaf, entry.hex(), one.note.at))
    return first, strange


def refused(record: str, error: NodeError) -> Loss:
    """A record that a partner had lodged for us and that has no place any more."""
    zh = f"伙伴转来的记录未能重新登记：{error.code}"
    return Loss("record", record, zh, f"a partner had brought it, and now: {error.code}: {error}")


def _secret(count: int) -> Loss:
    zh = f"日志填充的密钥：取回的 {count} 项中哪些是记录、哪些是填充，无法区分"
    en = f"the secret of the log's padding: of {count} leaves nobody can say which hold records"
    return Loss("secret", "padding", zh, en)


def _place(leaf: int, entry: str, at: str) -> Loss:
    zh = (
        f"本方日志第 {leaf} 项（{at} 之前发布）：曾确认的记录，内容无人持有；其提交者持有原件与回执"
    )
    en = (
        f"leaf {leaf} of our log, published by {at}: a record that was acknowledged and shown to "
        "nobody; whoever sent it holds it and its receipt"
    )
    return Loss("place", entry, zh, en)
