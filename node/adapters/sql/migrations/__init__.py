"""The database's versions, oldest first; run by `engine` at a start that needs them."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

FOLDER = Path(__file__).parent


def config(connection: Connection | None = None) -> Config:
    """Alembic's view of this folder, on a connection that is already open."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection, version: str) -> None:
    """Bring the database up to `version` inside the caller's transaction."""
    command.upgrade(config(connection), version)
