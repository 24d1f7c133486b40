"""Calls, events and custom errors by name, from the committed artifacts.

eth_abi costs a third of a second to import: it is imported when the first call is coded, so that
commands which only know these names start fast.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ARTIFACTS = Path(__file__).resolve().parent / "artifacts"
SELECTOR_BYTES = 4
WORD_BYTES = 32
NAMES = {"registry": "Registry", "anchor": "Anchor", "beacon": "Beacon"}
"""Name of a contract in configuration and network.json -> its artifact."""


@dataclass(frozen=True, slots=True)
class Method:
    """One function of a contract: its selector and the ABI types of both sides."""

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its first topic and (name, type) of what is indexed and what is data."""

    topic: str
    indexed: tuple[tuple[str, str], ...]
    data: tuple[tuple[str, str], ...]


@functools.cache
def artifact(contract: str) -> dict[str, Any]:
    """The committed artifact of "registry", "anchor" or "beacon"."""
    loaded: dict[str, Any] = json.loads((ARTIFACTS / f"{NAMES[contract]}.json").read_bytes())
    return loaded


@functools.cache
def method(contract: str, name: str) -> Method:
    """The one function of this name; a programmer's KeyError if there is none."""
    item = _item(contract, "function", name)
    inputs, outputs = _types(item["inputs"]), _types(item["outputs"])
    selector = artifact(contract)["methods"][f"{name}({','.join(inputs)})"]
    return Method(bytes.fromhex(selector), inputs, outputs)


@functools.cache
def event(contract: str, name: str) -> Event:
    """The one event of this name."""
    inputs = _item(contract, "event", name)["inputs"]
    pairs = [(i["name"], _type(i), i["indexed"]) for i in inputs]
    topic = keccak(f"{name}({','.join(kind for _, kind, _ in pairs)})".encode()).hex()
    return Event(
        "0x" + topic,
        tuple((n, t) for n, t, indexed in pairs if indexed),
        tuple((n, t) for n, t, indexed in pairs if not indexed),
    )


def encode_call(contract: str, name: str, *args: object) -> bytes:
    """Selector and arguments, as a transaction's or a call's data."""
    from eth_abi.abi import encode

    what = method(contract, name)
    return what.selector + bytes(encode(what.inputs, args))


def encode_constructor(contract: str, *args: object) -> bytes:
    """Bytecode and arguments, as the data of the transaction that creates the contract."""
    from eth_abi.abi import encode

    built = artifact(contract)
    inputs = _types(next(i for i in built["abi"] if i["type"] == "constructor")["inputs"])
    return bytes.fromhex(built["bytecode"]) + bytes(encode(inputs, args))


def decode(types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    """Values of these ABI types; addresses come as `0x` and 40 lower-case hex digits.

    Raises ValueError for data that does not hold them.
    """
    from eth_abi.abi import decode as decode_abi
    from eth_abi.exceptions import DecodingError

    try:
        return tuple(decode_abi(types, data))
    except (DecodingError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None


def decode_error(contract: str, data: bytes) -> tuple[str, str]:
    """Name and arguments of a custom error, as a person may read them; ("", "") if unknown."""
    for item in artifact(contract)["abi"]:
        if item["type"] != "error":
            continue
        types = _types(item["inputs"])
        head = keccak(f"{item['name']}({','.join(types)})".encode())[:SELECTOR_BYTES]
        if data[:SELECTOR_BYTES] == head:
            values = decode(types, data[SELECTOR_BYTES:])
            names = [i["name"] for i in item["inputs"]]
            shown = (f"{n}={_shown(v)}" for n, v in zip(names, values, strict=True))
            return item["name"], " ".join(shown)
    return "", ""


def keccak(data: bytes) -> bytes:
    """Keccak-256, by the library that the signing code brings with it."""
    from eth_utils.crypto import keccak as library

    return bytes(library(data))


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _item(contract: str, kind: str, name: str) -> dict[str, Any]:
    for item in artifact(contract)["abi"]:
        if item["type"] == kind and item["name"] == name:
            found: dict[str, Any] = item
            return found
    raise KeyError(f"{contract} has no {kind} {name}")


def _types(items: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(_type(item) for item in items)


def _type(item: dict[str, Any]) -> str:
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return kind
    inside = ",".join(_types(item["components"]))
    return f"({inside}){kind.removeprefix('tuple')}"
