"""Keeping house: what was set aside, backups, a person's removal, and whether all is well."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cohort_core.cli import common
from cohort_core.cli.common import AsJson, OneClassId
from cohort_core.cli.exit_codes import UNEXPECTED

commands = typer.Typer()


@commands.command()
def quarantine(class_id: OneClassId = None, as_json: AsJson = False) -> None:
    """List records from OpenClass that cannot be used, and why. Every sync tries them again."""
    from dataclasses import asdict

    rows = common.workspace().quarantined(class_id)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in rows]))
        return
    for one in rows:
        typer.echo(f"{one.class_id}  {one.id}  since {one.first_seen_at[:10]}: {one.reason}")
    typer.echo(f"{len(rows)} records are set aside.")


@commands.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The copy to make.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Copy the database into a file that only you can read, while everything runs."""
    from cohort_core.store.maintenance import backup as make_backup

    size = make_backup(common.database_that_exists(), file, replace=force, asked_by="cli")
    typer.echo(f"Backed up to {file} ({size / 1e6:.1f} MB). It holds your students' data: keep it private.")


@commands.command()
def restore(file: Annotated[Path, typer.Argument(help="A file that `backup` made.")]) -> None:
    """Put a backup in place of the database, after checking it. The database of before is kept beside it."""
    from cohort_core.store.maintenance import restore as put_back
    from cohort_core.sync.lock import acquire_lock

    database = common.database()
    with acquire_lock(database):
        kept = put_back(database, file, asked_by="cli")
    typer.echo(f"Restored {file}. What was there before is in {kept}. Next: `cohort-tracker sync --full`.")


@commands.command()
def purge(
    student: Annotated[str, typer.Option(help="The student's id, as the API's /students lists it.")],
    allow_return: Annotated[
        bool, typer.Option("--allow-return", help="Undo: let the next sync bring a purged student back.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a person from everything here, for good. Later syncs do not bring them back."""
    from cohort_core.services.purge import purge_student
    from cohort_core.store.purge import allow_return as let_return
    from cohort_core.sync.lock import acquire_lock

    database = common.database_that_exists()
    with acquire_lock(database):
        if allow_return:
            let_return(database, student, asked_by="cli")
            typer.echo("The next sync brings this student back.")
            return
        if not yes and sys.stdin.isatty():
            typer.confirm("Remove everything about this student from this computer?", abort=True)
        gone = purge_student(database, student, asked_by="cli")
    typer.echo(
        f"Purged: {gone.progressions} progressions, {gone.changes} changes, {gone.quarantined} records set "
        f"aside, {gone.enrolments} lines of the roster. Backups and exports that you made still hold them."
    )


@commands.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask OpenClass.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at settings, files, database, syncs and OpenClass; say what to do. Exit code 1 if there is."""
    from cohort_core.services.doctor import examine

    findings = []
    for one in examine(common.home(), with_upstream=not offline):
        findings.append(one)
        if not as_json:
            mark = "ok     " if one.is_well else "to do  "
            typer.echo(f"{mark}{one.topic}: {one.result}" + (f"\n       {one.advice}" if one.advice else ""))
    if as_json:
        typer.echo(json.dumps([one.as_dict() for one in findings]))
    sys.exit(0 if all(one.is_well for one in findings) else UNEXPECTED)
