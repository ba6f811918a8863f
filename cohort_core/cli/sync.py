"""Commands that sync, and that show or cancel a sync."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cohort_core import errors
from cohort_core.cli import common
from cohort_core.cli.common import AsJson, ClassIds
from cohort_core.cli.exit_codes import EXIT_CODES, PARTIAL
from cohort_core.formatting import count, one_decimal

if TYPE_CHECKING:
    from cohort_core.store.classes import ClassStatus
    from cohort_core.store.sync_runs import Job, Run
    from cohort_core.sync.jobs import SyncJob

commands = typer.Typer()


@commands.command()
def sync(
    class_id: ClassIds = None,
    full: Annotated[bool, typer.Option("--full", help="Read every page, not only what is new.")] = False,
    accept_removals: Annotated[
        bool,
        typer.Option("--accept-removals", help="Remove what OpenClass no longer has, however much it is."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch what is new from OpenClass: the active classes, or those named."""
    try:
        job = common.commands().prepare_sync(class_id, full=full, accept_removals=accept_removals)
        with progress_bar(job, is_wanted=not as_json):
            result = job.run()
    except errors.CohortError as error:
        if as_json:
            nothing: dict[str, Any] = {"records": 0, "seconds": 0.0, "classes": []}
            typer.echo(
                json.dumps(
                    nothing | {"error": {"code": error.code, "message": error.message}}, allow_nan=False
                )
            )
        raise
    if as_json:
        typer.echo(json.dumps(result.as_dict(), allow_nan=False))
    else:
        print_result(result)
    sys.exit(_exit_code(result))


@commands.command()
def status(as_json: AsJson = False) -> None:
    """Show when each class was last synced, and how much of it is here."""
    database = common.database()
    if not database.exists:
        common.refuse_lost_database()
        if as_json:
            typer.echo(json.dumps({"last_sync": None, "running": None, "classes": []}, allow_nan=False))
        else:
            typer.echo("Nothing is here yet. Run `cohort-tracker init` to connect, or `cohort-tracker demo`.")
        return
    reader = common.sync_reader()
    statuses, latest, running = reader.statuses(), reader.latest_runs(), reader.running_job()
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "last_sync": reader.last_sync(),
                    "running": running.as_dict() if running else None,
                    "classes": [
                        status._asdict()
                        | {"last_run": latest[status.id].as_dict() if status.id in latest else None}
                        for status in statuses
                    ],
                },
                allow_nan=False,
            )
        )
        return
    rosters = reader.roster_sizes()
    for status in statuses:
        if status.is_active or status.synced_at:
            typer.echo(_status_line(status, rosters.get(status.id, 0)))
            if status.id in latest:
                typer.echo(f"    {_run_line(latest[status.id])}")
    if running:
        typer.echo(f"A sync is running: {running.records} records read so far.")
    if not any(status.is_open for status in statuses):
        typer.echo("No class is active and open. Choose with `cohort-tracker activate ID…`.")


@commands.command()
def cancel() -> None:
    """Stop the sync that is running, in whatever process, between two pages.

    What it has read is kept.
    """
    common.refuse_lost_database()
    running = common.sync_reader().running_job() if common.database().exists else None
    if running is None:
        typer.echo("No sync is running.")
        return
    common.commands().cancel_sync(running.id)
    typer.echo("The sync stops after the page that it reads now.")


@contextmanager
def progress_bar(job: SyncJob, *, is_wanted: bool) -> Iterator[None]:
    """Show a progress bar while the block runs, if the output is a terminal."""
    if not (is_wanted and sys.stderr is not None and sys.stderr.isatty()):
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    reader = common.reader()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[counts]}"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Syncing", total=None, counts="")

        def show() -> None:
            state = reader.job(job.id)
            run = next((run for run in state.runs if run.state == "running"), None)
            if run:
                progress.update(
                    task,
                    description=run.name,
                    completed=run.pages,
                    total=run.page_total,
                    counts=f"page {run.pages} of {run.page_total}, {run.records} records: {run.added} new, "
                    f"{run.changed} changed, {run.removed} removed, {run.quarantined} set aside",
                )

        job.on_page = show
        yield


def print_result(job: Job) -> None:
    """Print the errors of a finished sync, what it set aside, and its time."""
    for run in job.runs:
        if run.error:
            common.complain(f"{run.name}: {run.error}")
        elif run.note:
            accept = " Accept it with `cohort-tracker sync --accept-removals`." if run.unaccepted else ""
            typer.echo(f"{run.name}: {run.note}{accept}")
        elif run.is_clean is False:
            typer.echo(f"{run.name}: changed while it was read, so nothing was removed. Sync again later.")
        if run.quarantined:
            typer.echo(f"{run.name}: set aside as it cannot be used: {count(run.quarantined, 'record')}.")
    typer.echo(f"Synced {job.records} records in {one_decimal(job.seconds or 0)} seconds")


def _exit_code(job: Job) -> int:
    codes = {run.error_code for run in job.runs}
    if codes == {None}:
        return 0
    if len(codes) == 1:
        code = codes.pop()
        return next(exit_code for error, exit_code in EXIT_CODES.items() if error.code == code)
    return PARTIAL


def _status_line(status: ClassStatus, on_roster: int) -> str:
    closed = f", closed on {status.closed_on}" if status.closed_on else ""
    set_aside = f", {status.quarantined} set aside" if status.quarantined else ""
    misfit = "" if status.count_fits else ", OpenClass's count does not fit"
    return (
        f"{'*' if status.is_active else ' '} {status.name} ({status.friendly_id or status.id}): "
        f"{_describe_last_sync(status.synced_at)}, {_students(status.students, on_roster)}, "
        f"{status.assignments} assignments, {status.progressions} progressions{set_aside}{misfit}{closed}"
    )


def _students(seen: int, on_roster: int) -> str:
    if not seen and on_roster:
        return f"{on_roster} students on the roster of whom nobody has begun"
    return f"{seen} students"


def _run_line(run: Run) -> str:
    if run.error:
        return f"last run {run.state}: {run.error}"
    verified = {True: "verified", False: "not verified", None: ""}[run.is_clean]
    time = "" if run.seconds is None else f" in {one_decimal(run.seconds)} s"
    return (
        f"last run {run.state} ({run.kind}{', ' if verified else ''}{verified}): {run.pages} pages{time}, "
        f"{run.added} new, {run.changed} changed, {run.removed} removed, "
        f"{run.quarantined} set aside"
    )


def _describe_last_sync(synced_at: str | None) -> str:
    if synced_at is None:
        return "never synced"
    from datetime import datetime

    from cohort_core.clock import local_time

    at = local_time(datetime.fromisoformat(synced_at))
    return f"last sync {at:%Y-%m-%d %H:%M}"
