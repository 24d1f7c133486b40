"""Every small change to an evidence file: leaves, members, places, notes, signatures, bytes.

The file is canonical JSON, so a change is a splice of its text at known offsets. Each mutation has
a name that says what was done and where; all of them must break a link.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from node.core.records.canonical import encode
from node.core.records.envelope import PAYLOAD_TYPE, pae
from node.core.records.keys import signer_from_seed

HEX = "0123456789abcdef"
Mutation = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Node:
    """One JSON value of the text: where it stands and what it holds."""

    path: str
    start: int
    end: int
    value: Any
    members: tuple[tuple[int, str, Node], ...] = ()
    items: tuple[Node, ...] = ()

    @property
    def is_leaf(self) -> bool:
        """A string, number or boolean."""
        return not isinstance(self.value, dict | list)


def scan(text: str) -> Node:
    """Read canonical JSON with offsets."""
    node, _ = _scan(text, 0, "")
    return node


def _scan(text: str, at: int, path: str) -> tuple[Node, int]:
    if text[at] == "{":
        return _scan_object(text, at, path)
    if text[at] == "[":
        return _scan_array(text, at, path)
    if text[at] == '"':
        value, end = scanstring(text, at + 1)
        return Node(path, at, end, value), end
    end = at
    while text[end] not in ",]}":
        end += 1
    return Node(path, at, end, json.loads(text[at:end])), end


def _scan_object(text: str, start: int, path: str) -> tuple[Node, int]:
    members: list[tuple[int, str, Node]] = []
    at = start + 1
    while text[at] != "}":
        begin = at
        key, at = scanstring(text, at + 1)
        node, at = _scan(text, at + 1, f"{path}/{key}")
        members.append((begin, key, node))
        at += text[at] == ","
    return Node(path, start, at + 1, {}, members=tuple(members)), at + 1


def _scan_array(text: str, start: int, path: str) -> tuple[Node, int]:
    items: list[Node] = []
    at = start + 1
    while text[at] != "]":
        node, at = _scan(text, at, f"{path}/{len(items)}")
        items.append(node)
        at += text[at] == ","
    return Node(path, start, at + 1, [], items=tuple(items)), at + 1


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for _, _, child in node.members:
        yield from walk(child)
    for child in node.items:
        yield from walk(child)


class Mutator:
    """All mutations of one file."""

    def __init__(self, data: bytes) -> None:
        # One character a byte, so that offsets are those of the file; values look garbled where
        # they are Chinese, and are written back the same way.
        self.data, self.text = data, data.decode("latin-1")
        self.root = scan(self.text)
        self.nodes = list(walk(self.root))

    def splice(self, start: int, end: int, new: str) -> bytes:
        """The file with one stretch replaced."""
        return b"".join((self.data[:start], new.encode("latin-1"), self.data[end:]))

    def of(self, *names: str) -> Node:
        """The value of a path of member names and numbers."""
        node = self.root
        for name in names:
            if node.items:
                node = node.items[int(name)]
            else:
                node = next(child for _, key, child in node.members if key == name)
        return node

    def leaves(self) -> Iterator[Mutation]:
        """Every leaf changed, in its own alphabet."""
        for node in self.nodes:
            if node.is_leaf:
                new = json.dumps(changed(node.value), ensure_ascii=False)
                yield f"leaf {node.path}", self.splice(node.start, node.end, new)

    def removed(self) -> Iterator[Mutation]:
        """Every member taken out."""
        for node in self.nodes:
            for number, (begin, key, child) in enumerate(node.members):
                last = number == len(node.members) - 1
                start = begin - (last and number > 0)
                yield f"removed {child.path} {key}", self.splice(start, child.end + (not last), "")

    def doubled(self) -> Iterator[Mutation]:
        """Every member written twice, the same or another value last."""
        for node in self.nodes:
            for begin, _, child in node.members:
                again = self.text[begin : child.end]
                yield f"doubled {child.path}", self.splice(child.end, child.end, f",{again}")

    def renamed(self) -> Iterator[Mutation]:
        """Every member under another name."""
        for node in self.nodes:
            for begin, key, child in node.members:
                yield f"renamed {child.path}", self.splice(begin, begin + len(key) + 2, f'"{key}_"')

    def lists(self) -> Iterator[Mutation]:
        """Every item of the file's own lists dropped, doubled, and swapped with its neighbour."""
        for node in self.nodes:
            if node.path.endswith(OWN_LISTS):
                yield from self._items(node)

    def _items(self, node: Node) -> Iterator[Mutation]:
        texts = [self.text[item.start : item.end] for item in node.items]
        for n, item in enumerate(node.items):
            others = [texts[:n] + texts[n + 1 :], texts[: n + 1] + texts[n:]]
            if n + 1 < len(texts):
                others.append([*texts[:n], texts[n + 1], texts[n], *texts[n + 2 :]])
            for what, new in zip(("dropped", "doubled", "swapped"), others, strict=False):
                joined = f"[{','.join(new)}]"
                if new != texts:
                    yield f"{what} {item.path}", self.splice(node.start, node.end, joined)

    def notes(self) -> Iterator[Mutation]:
        """Every line of every note: one character changed, dropped, doubled, swapped."""
        for node in self.nodes:
            if node.is_leaf and node.path.endswith(("/note", "/body/proof")):
                lines = node.value.split("\n")[:-1]
                for n in range(len(lines)):
                    for what, new in _line_changes(lines, n):
                        value = json.dumps("".join(f"{one}\n" for one in new), ensure_ascii=False)
                        yield f"{what} {node.path}", self.splice(node.start, node.end, value)

    def headers(self) -> Iterator[Mutation]:
        """Every leaf of every signed header changed, and the header written canonically again."""
        for node in self.nodes:
            if node.path.endswith("/envelope/payload"):
                header = json.loads(base64.b64decode(node.value))
                for name, new in header_changes(header):
                    payload = base64.b64encode(encode(new)).decode()
                    yield (
                        f"header {name} {node.path}",
                        self.splice(node.start, node.end, f'"{payload}"'),
                    )

    def resigned(self) -> Iterator[Mutation]:
        """Every record signed with a fresh key of either suite."""
        fresh = [signer_from_seed("ed25519", b"\1" * 32), signer_from_seed("es256", b"\1" * 32)]
        for number, stream in enumerate(self.of("streams").items):
            for place in self.of("streams", str(number), "places").items:
                names = [str(number), "places", place.path.rpartition("/")[2], "envelope"]
                payload = base64.b64decode(self.of("streams", *names, "payload").value)
                sig = self.of("streams", *names, "signatures", "0", "sig")
                for signer in fresh:
                    made = base64.b64encode(signer.sign(pae(PAYLOAD_TYPE, payload))).decode()
                    name = f"resigned {signer.public.suite} {stream.path} {place.path}"
                    yield name, self.splice(sig.start, sig.end, f'"{made}"')

    def flips(self, count: int, seed: int) -> Iterator[Mutation]:
        """Random bytes of the file, one bit each."""
        chance, data = random.Random(seed), self.data
        for _ in range(count):
            at, bit = chance.randrange(len(data)), chance.randrange(8)
            flipped = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            yield f"flip {at} bit {bit}", flipped


OWN_LISTS = ("/streams", "/places", "/checkpoints", "/anchors", "/registry", "/signatures", "/keys")


def changed(value: Any) -> Any:  # noqa: ANN401 - any JSON leaf
    """Another value of the same kind, so that it is not the form that gives it away."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value and set(value) <= set(HEX):
        return HEX[(HEX.index(value[0]) + 1) % 16] + value[1:]
    if value and value[0].isdigit():  # a time, an amount
        return str((int(value[0]) + 1) % 10) + value[1:]
    middle = len(value) // 2
    letter = "b" if value[middle : middle + 1] == "a" else "a"
    return value[:middle] + letter + value[middle + 1 :]


def header_changes(header: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each member of a header changed or, if it may be absent, left out."""
    for name, value in header.items():
        if isinstance(value, dict):
            for inner, one in value.items():
                yield f"{name}.{inner}", {**header, name: {**value, inner: changed(one)}}
        else:
            yield name, {**header, name: changed(value)}
        if name in ("stream", "lot", "seen"):
            yield f"{name} left out", {k: v for k, v in header.items() if k != name}


def _line_changes(lines: list[str], n: int) -> Iterator[tuple[str, list[str]]]:
    yield f"line {n} changed", [*lines[:n], changed(lines[n]), *lines[n + 1 :]]
    yield f"line {n} dropped", lines[:n] + lines[n + 1 :]
    yield f"line {n} doubled", lines[: n + 1] + lines[n:]
    if n + 1 < len(lines) and lines[n] != lines[n + 1]:
        yield f"line {n} swapped", [*lines[:n], lines[n + 1], lines[n], *lines[n + 2 :]]
