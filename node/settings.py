"""The node's configuration: `config.toml` (interfaces I10), read strictly.

Who writes it: the centre's operator. What an attacker gains who can change it: the node's
addresses, keys folder and chain, hence the node; so it has the owner of the keys.

`YUANPING_<SECTION>__<KEY>` overrides a key, `YUANPING_CONFIG` names the file. Every key that is not
known and every value of the wrong kind is refused with the key's name and an example; only keys
without a safe default are required, so that old files run with new code.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.exceptions import SettingsError

from node.core.errors import ConfigError

PREFIX = "YUANPING_"
DELIMITER = "__"

# `strict=False`: TOML has no paths, so a text is taken for one.
Folder = Annotated[Path, Field(strict=False)]
PORT = r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5]?[0-9]{1,4})"
Address = Annotated[str, Field(pattern=rf"^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):{PORT}\z")]
KINDS = {
    bool: "true or false",
    int: "an unfit number",
    float: "a fraction",
    str: "an unfit text",
    list: "a list",
    dict: "a table",
}


class Section(BaseModel):
    """A table of the file. Every field says in words what it needs, with a TOML example."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CentreSection(Section):
    """Who we are."""

    id: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,31}\z",
        description="up to 32 of a-z, 0-9 and -, a letter first",
        examples=['"zhuzhou"'],
    )
    role: Literal["centre", "regulator"] = Field(
        description='"centre" or "regulator"', examples=['"centre"']
    )
    name_zh: str = Field(min_length=1, description="the Chinese name", examples=['"株洲市中心"'])
    name_en: str = Field(min_length=1, description="the English name", examples=['"Zhuzhou"'])


class HttpSection(Section):
    """Where people and witnesses reach us."""

    listen: Address = Field(
        default="127.0.0.1:8080",
        description="host:port, port up to 65535",
        examples=['"127.0.0.1:8080"'],
    )
    advertise: str | None = Field(
        default=None,
        pattern=rf"^https?://(\[[0-9A-Fa-f:]+\]|[^\s/:\[\]]+)(:{PORT})?\z",
        description="the address as partners see it",
        examples=['"https://zhuzhou.example"'],
    )

    @property
    def address(self) -> str:
        """Give the address that partners are told: `advertise`, else `listen`."""
        return self.advertise or f"http://{self.listen}"


class GrpcSection(Section):
    """Where partners reach us."""

    listen: Address = Field(
        default="127.0.0.1:8443",
        description="host:port, port up to 65535",
        examples=['"0.0.0.0:8443"'],
    )
    advertise: Address | None = Field(
        default=None,
        description="host:port as partners see it",
        examples=['"zhuzhou.example:8443"'],
    )

    @property
    def address(self) -> str:
        """Give the address that partners are told: `advertise`, else `listen`."""
        return self.advertise or self.listen


class StoreSection(Section):
    """Where records and files are kept. Relative paths start at the folder of the file."""

    database_url: str = Field(
        default="sqlite:///data/node.db",
        pattern=r"^(sqlite:///.+|postgresql(\+psycopg)?://.+)\z",
        description="a sqlite or postgresql address",
        examples=['"sqlite:///data/node.db"'],
    )
    blobs: Folder = Field(
        default=Path("data/blobs"), description="a folder", examples=['"data/blobs"']
    )


class KeysSection(Section):
    """Where the keys lie (mode 0600)."""

    dir: Folder = Field(default=Path("keys"), description="a folder", examples=['"keys"'])


class ChainSection(Section):
    """The chain that anchors our log."""

    kind: Literal["anvil", "cometbft", "qbft"] = Field(
        default="anvil", description='"anvil", "cometbft" or "qbft"', examples=['"anvil"']
    )
    rpc: str = Field(
        pattern=r"^https?://.+\z",
        description="the address of its JSON-RPC",
        examples=['"http://127.0.0.1:8545"'],
    )
    registry: str = Field(
        pattern=r"^(0x)?[0-9a-fA-F]{40}\z",
        description="the registry contract's address of 40 hex digits",
        examples=['"0x5FbDB2315678afecb367f032d93F642f64180aa3"'],
    )


class LogSection(Section):
    """Our transparency log (protocol 3)."""

    origin: str = Field(
        pattern=r"^[^\s+]{1,200}\z",
        description="the log's name, without spaces",
        examples=['"zhuzhou.example/log"'],
    )
    tick_ms: int = Field(
        default=10_000,
        ge=10,
        le=3_600_000,
        description="milliseconds, 10 to 3600000",
        examples=["10000"],
    )
    pad: bool = Field(default=True, description="true or false", examples=["true"])
    smallest_tick: Literal[4, 16, 64, 256] = Field(
        default=4,
        description="entries of an idle tick: 4, 16, 64 or 256; as many records a tick are unseen",
        examples=["64"],
    )


class ClockSection(Section):
    """Where `now` comes from; "chain" is the test clock of the development chain."""

    source: Literal["system", "chain"] = Field(
        default="system", description='"system" or "chain"', examples=['"system"']
    )


class Settings(BaseSettings):
    """The whole configuration, frozen."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        nested_model_default_partial_update=True,
    )

    centre: CentreSection
    http: HttpSection = HttpSection()
    grpc: GrpcSection = GrpcSection()
    store: StoreSection = StoreSection()
    keys: KeysSection = KeysSection()
    chain: ChainSection
    log: LogSection
    clock: ClockSection = ClockSection()

    @model_validator(mode="after")
    def _test_clock_needs_the_development_chain(self) -> Self:
        if self.clock.source == "chain" and self.chain.kind != "anvil":
            raise ValueError('[clock] source = "chain" needs [chain] kind = "anvil"')
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library names these
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the file; nothing else."""
        return _Environment(settings_cls), init_settings


SECTIONS: dict[str, type[Section]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}


class _Environment(EnvSettingsSource):
    """The environment's texts, turned into the kind that the strict sections want."""

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = super().__call__()
        for section, values in found.items():
            fields = SECTIONS[section].model_fields
            for key in fields.keys() & (values if isinstance(values, dict) else ()):
                values[key] = _lenient(fields[key].annotation, values[key])
        return found


def _lenient(annotation: Any, value: Any) -> Any:  # noqa: ANN401 - any kind of setting
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return value  # refused in a moment, under the key's name


def read_settings(path: Path | None = None) -> Settings:
    """Read the configuration from `path`, else `YUANPING_CONFIG`, else `config.toml` here.

    Relative folders and a relative SQLite file are made absolute from the file's own folder.
    Raises ConfigError: `unreadable` if the file cannot be opened, else `config` naming the key.
    """
    file = path or Path(os.environ.get("YUANPING_CONFIG") or "config.toml")
    table = _parse(file)
    _check_sections(file, table)
    try:
        settings = Settings(**table)
    except ValidationError as error:
        raise ConfigError(f"{file}: {_explain(error.errors()[0])}") from None
    except SettingsError as error:
        raise ConfigError(f"environment: {error}") from None
    return _placed(settings, file.resolve().parent)


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"cannot open {file}: {error.strerror}", code="unreadable") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: not UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: not TOML: {error}") from None


def _check_sections(file: Path, table: Mapping[str, Any]) -> None:
    for name in table:
        if name not in SECTIONS:
            raise ConfigError(f"{file}: unknown section [{name}]{_nearest(name, SECTIONS)}")
    for name in os.environ:
        section, delimiter, _ = name.removeprefix(PREFIX).lower().partition(DELIMITER)
        if name.startswith(PREFIX) and delimiter and section not in SECTIONS:
            raise ConfigError(f"{name}: unknown section [{section}]{_nearest(section, SECTIONS)}")


def _placed(settings: Settings, folder: Path) -> Settings:
    """Make what is relative absolute, from the folder of the file."""
    store, scheme = settings.store, "sqlite:///"
    url = store.database_url
    if url.startswith(scheme):
        url = scheme + str(folder / url.removeprefix(scheme))
    placed = {"database_url": url, "blobs": folder / store.blobs}
    return settings.model_copy(
        update={
            "store": store.model_copy(update=placed),
            "keys": settings.keys.model_copy(update={"dir": folder / settings.keys.dir}),
        }
    )


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.0)
    return f"; the nearest known one is `{near[0]}`" if near else ""


def _explain(error: ErrorDetails) -> str:
    """Say in one line which key is wrong, what stands there, and what should (with an example)."""
    section, key = (*(str(part) for part in error["loc"]), "", "")[:2]
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    fields = SECTIONS[section].model_fields
    if error["type"] == "extra_forbidden":
        return f"[{section}] unknown key `{key}`{_nearest(key, fields)}"
    if not key:
        missing = error["type"] == "missing"
        return f"[{section}] {'is missing' if missing else 'must be a table of keys'}"
    field = fields[key]
    kind = KINDS.get(type(error["input"]), "something else")
    fault = "is missing" if error["type"] == "missing" else f"holds {kind}"
    example = (field.examples or [""])[0]
    return f"[{section}] {key} {fault}; need {field.description}, for example {key} = {example}"
