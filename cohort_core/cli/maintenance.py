"""Commands for maintenance: quarantine, backup, restore, purge and doctor."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cohort_core import errors
from cohort_core.cli import common
from cohort_core.cli.common import AsJson, OneClassId
from cohort_core.cli.exit_codes import UNEXPECTED
from cohort_core.formatting import count, size

if TYPE_CHECKING:
    from cohort_core.services.folder import Finding

commands = typer.Typer()


@commands.command()
def quarantine(class_id: OneClassId = None, as_json: AsJson = False) -> None:
    """List records from OpenClass that cannot be used, and why. Every sync tries them again."""
    from dataclasses import asdict

    rows = common.reader().quarantined(class_id)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], allow_nan=False))
        return
    for row in rows:
        subject = f" ({row.subject})" if row.subject else ""
        typer.echo(f"{row.class_id}  {row.id}{subject}  since {row.first_seen_at[:10]}: {row.reason}")
    typer.echo(f"{count(len(rows), 'record is', 'records are')} set aside.")


@commands.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The copy to make.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Copy the database into a file that only you can read, while everything runs."""
    common.database_that_exists()
    written = common.admin().back_up(file, replace=force)
    typer.echo(f"Backed up to {file} ({size(written)}). It holds your students' data: keep it private.")


@commands.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` made.")],
    open_: Annotated[
        bool, typer.Option("--open", help="Serve without tokens, if those of before are lost.")
    ] = False,
) -> None:
    """Put a backup in place of the database, after checking it.

    A damaged database is no obstacle.

    The database of before is kept beside it. Tokens and the audit stay those of before. If these cannot be
    read any more, dashboard and API are closed until there is a new token, or --open is said.
    """
    admin = common.admin()
    kept = admin.restore(file)
    before = f"What was there before is in {kept}." if kept else "Nothing was there before."
    typer.echo(f"Restored {file}. {before} Next: `cohort-tracker sync --full`.")
    if open_:
        admin.open_again()
    if admin.is_closed():
        typer.echo(
            "The tokens of before cannot be read, so dashboard and API are closed. Open them with "
            "`cohort-tracker token create --name NAME`, or without tokens with `cohort-tracker serve "
            "--open`.",
            err=True,
        )


@commands.command()
def purge(
    student: Annotated[str, typer.Option(help="The student's id, as the API's /students lists it.")],
    allow_return: Annotated[
        bool, typer.Option("--allow-return", help="Undo: let the next sync bring a purged student back.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a person from everything here, for good. Later syncs do not bring them back.

    The copies of the database from before a restore or an update are deleted, since they hold the person too.
    """
    common.database_that_exists()
    admin = common.admin()
    if allow_return:
        admin.allow_return(student)
        typer.echo("The next sync brings this student back.")
        return
    if warning := _copies_to_delete(admin.home.automatic_copies()):
        typer.echo(warning, err=True)
    if not yes and common.is_terminal():
        typer.confirm("Remove everything about this student from this computer?", abort=True)
    purged = admin.purge_student(student)
    typer.echo(
        f"Purged: {purged.progressions} progressions, {purged.changes} changes, "
        f"{purged.quarantined} records set aside, {purged.enrolments} lines of the roster, "
        f"{purged.kept} contacts, notes and hides. "
        f"{_deleted_copies(purged.copies)}Backups and exports that you made still hold them."
    )


def _copies_to_delete(copies: Sequence[Path]) -> str:
    """Say which files a purge deletes besides the student; empty for none."""
    if not copies:
        return ""
    names = "\n".join(f"  {path}" for path in copies)
    return (
        "These copies of the database, from before a restore or an update, hold the student too, and are "
        f"deleted with everything in them:\n{names}"
    )


def _deleted_copies(copies: Sequence[Path]) -> str:
    return f"Deleted: {', '.join(map(str, copies))}. " if copies else ""


def _findings(*, with_upstream: bool) -> Iterator[Finding]:
    """Yield the findings; a place that can be no data folder is one of them."""
    from cohort_core.services.folder import Finding

    try:
        admin = common.admin()
    except (errors.SystemRefused, errors.BadSettings) as error:
        yield Finding("folder", "cannot be used", error.message)
        return
    yield from admin.examine(with_upstream=with_upstream)


@commands.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask OpenClass.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at settings, files, database, syncs and OpenClass; say what to do.

    Exit code 1 if there is anything to do.
    """
    findings = []
    for finding in _findings(with_upstream=not offline):
        findings.append(finding)
        if not as_json:
            mark = "ok     " if finding.is_well else "to do  "
            advice = f"\n       {finding.advice}" if finding.advice else ""
            typer.echo(f"{mark}{finding.topic}: {finding.result}{advice}")
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in findings], allow_nan=False))
    sys.exit(0 if all(finding.is_well for finding in findings) else UNEXPECTED)
