"""Shared by the commands: options, access to the home folder, and the output of errors."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cohort_core import errors

if TYPE_CHECKING:
    from cohort_core.config.paths import Home
    from cohort_core.services.admin_commands import AdminCommands
    from cohort_core.services.commands import Commands
    from cohort_core.services.reader import Reader
    from cohort_core.services.services import Services
    from cohort_core.services.sync_reader import SyncReader
    from cohort_core.store.database import Database

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ClassIds = Annotated[
    list[str] | None, typer.Option("--class-id", help="A class's id or friendly id; may stand several times.")
]
OneClassId = Annotated[str | None, typer.Option("--class-id", help="A class's id or friendly id.")]
RequiredClassId = Annotated[str, typer.Option("--class-id", help="A class's id or friendly id.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        help="As it was at this time, or at the end of this day (2026-09-01); default: the last sync."
    ),
]
Group = Annotated[str | None, typer.Option(help="One class night or region only.")]
AnonymousOption = Annotated[
    bool, typer.Option("--anonymous", help="Pseudonyms for names and emails (setting: anonymous).")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")]


def home() -> Home:
    from cohort_core.config.paths import Home

    return Home.from_environment()


def database() -> Database:
    from cohort_core.store.database import Database

    return Database(home())


def database_that_exists() -> Database:
    """Return the database. Raises ``BadInput`` if there is none yet."""
    existing = database()
    if not existing.exists:
        raise errors.BadInput("There is no database yet. Run `cohort-tracker sync` first.", parameter="file")
    return existing


@functools.cache
def services() -> Services:
    """Return the services of the home.

    Warns once of keys in its settings that have no effect.
    """
    from cohort_core.config.settings import unknown_settings
    from cohort_core.services.services import shared_services

    unknown = unknown_settings(home())
    if unknown:
        typer.echo(f"{home().config} has what is no setting, without effect: {', '.join(unknown)}.", err=True)
    return shared_services()


def reader(anonymous: bool = False) -> Reader:
    from cohort_core.services.principal import CLI_OWNER

    return services().reader(CLI_OWNER, anonymous=anonymous)


def sync_reader() -> SyncReader:
    """Return a reader of classes and syncs, without people and their settings."""
    from cohort_core.services.principal import CLI_OWNER
    from cohort_core.services.sync_reader import SyncReader

    return SyncReader(database(), CLI_OWNER)


def commands() -> Commands:
    from cohort_core.services.principal import CLI_OWNER

    return services().commands(CLI_OWNER)


def admin() -> AdminCommands:
    from cohort_core.services.principal import CLI_OWNER

    return services().admin(CLI_OWNER)


def write_for_owner(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file that only its owner can read.

    Raises ``BadInput`` if the file exists and ``replace`` is False, or if it cannot be written.
    """
    from cohort_core.config.paths import write_private

    home().refuse_own_file(path, "out")
    if path.exists() and not replace:
        raise errors.BadInput(f"{path} is there already. Say --force to replace it.", parameter="out")
    try:
        write_private(path, data)
    except OSError as error:
        why = error.strerror or "unknown reason"
        raise errors.BadInput(
            f"{path} cannot be written ({why}). Choose another place.", parameter="out"
        ) from None


def audit(action: str, subject: str, class_id: str, anonymous: bool) -> None:
    """Write into the audit that data of a class was exported."""
    reader().record_export(action, f"{subject}, class {class_id}{', pseudonyms' if anonymous else ''}")


def privacy_note(anonymous: bool) -> str:
    return "Names in it are pseudonyms." if anonymous else "It holds your students' data: keep it private."


def is_terminal() -> bool:
    """Return True if a person can answer questions; standard input may also be closed."""
    import sys

    return sys.stdin is not None and sys.stdin.isatty()


def complain(message: str) -> None:
    typer.secho(f"Error: {message}", err=True, fg="red")
