"""`yuanping node init` and `node descriptor`: a new node's keys, configuration and descriptor."""

from __future__ import annotations

import json as jsonlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from node.cli.config_file import ConfigFile
from node.cli.descriptor import FILE, check_told, descriptor_of_node, origin_of, write_descriptor
from node.cli.language import say
from node.cli.output import JsonOption, Output
from node.core.errors import ConfigError

ABOUT = "Written by `yuanping node init`; change what you need, then `yuanping node run`."
TICK_MS, SMALLEST_TICK = 10_000, 64


@dataclass(frozen=True, slots=True)
class Joined:
    """The network to join: its chain and registry, and the clock it lives by."""

    rpc: str
    registry: str
    clock: str
    tick_ms: int = TICK_MS


def init(
    id: Annotated[str, typer.Option(help=say("成员编号", "Id: a-z, 0-9 and -."))],
    name_zh: Annotated[str, typer.Option(help=say("中文名称", "The Chinese name."))],
    name_en: Annotated[str, typer.Option(help=say("英文名称", "The English name."))],
    out: Annotated[Path, typer.Option(help=say("新节点的文件夹", "The new node's folder."))],
    role: Annotated[str, typer.Option(help="centre | regulator")] = "centre",
    network: Annotated[
        Path | None, typer.Option(help=say("伙伴给的 network.json", "A partner's network.json."))
    ] = None,
    rpc: Annotated[str | None, typer.Option(help=say("链的地址", "The chain's address."))] = None,
    registry: Annotated[
        str | None, typer.Option(help=say("登记合约地址", "The registry's address."))
    ] = None,
    http: Annotated[str, typer.Option(help="host:port")] = "127.0.0.1:8080",
    grpc: Annotated[str, typer.Option(help="host:port")] = "127.0.0.1:8443",
    http_advertise: Annotated[
        str | None, typer.Option(help=say("伙伴看到的网址", "The HTTP address partners see."))
    ] = None,
    grpc_advertise: Annotated[
        str | None, typer.Option(help=say("伙伴看到的 host:port", "host:port that partners see."))
    ] = None,
    json: JsonOption = False,
) -> int:
    """Make keys (mode 0600), config.toml and descriptor.json; nothing is sent anywhere."""
    output = Output(as_json=json)
    joined = _network(network, rpc, registry)
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty; give another --out", code="usage")
    file = ConfigFile(
        about=ABOUT,
        id=id,
        role=role,
        name_zh=name_zh,
        name_en=name_en,
        http=http,
        grpc=grpc,
        http_advertise=http_advertise,
        grpc_advertise=grpc_advertise,
        rpc=joined.rpc,
        registry=joined.registry,
        origin=origin_of(id),
        tick_ms=joined.tick_ms,
        smallest_tick=SMALLEST_TICK,
        clock=joined.clock,
    )
    _write(out, file.text(), id)
    return _tell(output, out / "config.toml")


def descriptor(
    config: Annotated[Path, typer.Option(help=say("配置文件", "The configuration file."))] = Path(
        "config.toml"
    ),
    json: JsonOption = False,
) -> int:
    """Write descriptor.json anew beside the configuration, after a change of an address or name."""
    return _tell(Output(as_json=json), config)


def _write(out: Path, text: str, member: str) -> None:
    """The folder with its configuration and keys; a configuration that is wrong leaves nothing."""
    from node.adapters.clock import SystemClock
    from node.adapters.entropy import SystemEntropy
    from node.adapters.keys import make_keys
    from node.settings import read_settings

    with TemporaryDirectory() as aside:
        trial = Path(aside) / "config.toml"
        trial.write_text(text, "utf-8")
        try:
            check_told(read_settings(trial))
        except ConfigError as error:
            # The file was never there for whom this is told: the options are.
            raise ConfigError(error.detail.removeprefix(f"{trial}: "), code="usage") from None
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.toml").write_text(text, "utf-8")
    make_keys(out / "keys", member, SystemEntropy(), SystemClock().now())


def _tell(output: Output, config: Path) -> int:
    from node.adapters.keys import load_keys
    from node.settings import read_settings

    settings = read_settings(config)
    check_told(settings)
    found = descriptor_of_node(settings, load_keys(settings.keys.dir))
    path = config.resolve().parent / FILE
    digest = write_descriptor(path, found)
    output.end(
        say(
            f"描述文件 {path}\n  SHA-256 {digest}\n"
            "下一步：把它交给一个成员中心（电话核对摘要），"
            "由其执行 yuanping centre propose admit；"
            f"同时即可 yuanping node run --config {config}，接纳后自动加入。",
            f"descriptor {path}\n  SHA-256 {digest}\n"
            "Next: give it to a member centre (compare the digest by telephone), which runs "
            f"`yuanping centre propose admit`; start `yuanping node run --config {config}` "
            "meanwhile: it joins by itself once it is admitted.",
        ),
        id=found.id,
        descriptor=str(path),
        sha256=digest,
        config=str(config),
    )
    return 0


def _network(path: Path | None, rpc: str | None, registry: str | None) -> Joined:
    """The network that the options name. Raises ConfigError if they name none."""
    if path is None:
        if rpc is None or registry is None:
            raise ConfigError("give --network, or both --rpc and --registry", code="usage")
        return Joined(rpc, registry, "system")
    try:
        document: dict[str, Any] = jsonlib.loads(path.read_bytes())
        chain = document["chain"]
        found = Joined(
            str(rpc or chain["rpc"]),
            str(registry or chain["contracts"]["registry"]),
            "chain" if document["clock"] == "test" else "system",
            500 if document["clock"] == "test" else TICK_MS,
        )
    except OSError as error:
        raise ConfigError(f"cannot open {path}: {error.strerror}", code="unreadable") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path}: not a network.json", code="unreadable") from None
    return found
