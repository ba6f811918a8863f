"""The command line. Imports beyond the bare minimum stand inside the commands, so that each starts fast."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cohort_core import errors

if TYPE_CHECKING:
    from datetime import timedelta

    from cohort_core.home import Home
    from cohort_core.store.classes import ClassStatus, ListedClass
    from cohort_core.store.database import Database
    from cohort_core.store.runs import Job, Run
    from cohort_core.sync.jobs import SyncJob
    from cohort_core.workspace import Reader, Workspace

PARTIAL = 74
INTERRUPTED = 130
UNEXPECTED = 1

EXIT_CODES: dict[type[errors.CohortError], int] = {
    errors.BadInput: 2,
    errors.DatabaseUnusable: 65,
    errors.UnknownClass: 66,
    errors.UnknownJob: 66,
    errors.ClassInaccessible: 67,
    errors.NoNetwork: 68,
    errors.UpstreamDown: 69,
    errors.DatabaseNewer: 70,
    errors.RemovalsRefused: 73,
    errors.SyncFailed: PARTIAL,
    errors.SyncRunning: 75,
    errors.UpstreamChanged: 76,
    errors.LoginRefused: 77,
    errors.NotConnected: 78,
    errors.BadSettings: 78,
    errors.NotInstalled: 78,
    errors.SyncCancelled: INTERRUPTED,
}

HELP = """
Shows a coding mentor who needs a message today, and which assignment to teach again.

Start with `cohort-tracker demo` to look around in a practice school, or with `cohort-tracker init` to
connect to your own school at OpenClass.ai; then `cohort-tracker sync` and `cohort-tracker serve`.
"""

EPILOG = """
**Settings** live in the folder COHORT_HOME (default: this platform's user data folder): `config.toml`,
`cohort.db`, logs. The environment goes over the file: COHORT_API_BASE, COHORT_APP_ID, COHORT_ORIGIN,
COHORT_EMAIL, COHORT_PASSWORD, COHORT_TIMEZONE, COHORT_SYNC_RATE (requests a second, 0 for no limit),
COHORT_ANONYMOUS (1: pseudonyms everywhere).

**Exit codes**: 0 done · 1 unexpected error · 2 wrong use or input · 65 database unusable · 66 unknown class ·
67 class not accessible · 68 no network · 69 OpenClass is down · 70 database newer than this program ·
73 a sync would remove much, say --accept-removals · 74 some classes could not be synced · 75 a sync runs
already · 76 OpenClass changed its format · 77 wrong email or password · 78 not connected, a bad setting,
or something not installed · 130 stopped by you.
"""

app = typer.Typer(
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
References = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids or friendly ids of classes.")]
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


def main() -> None:
    """Run the command line; errors become a sentence and an exit code."""
    try:
        app()
    except errors.CohortError as error:
        _complain(error.message)
        sys.exit(EXIT_CODES[type(error)])
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has had enough; say nothing more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(UNEXPECTED)
    except Exception as error:  # noqa: BLE001 - a mentor never sees a traceback
        _complain(
            f"Something unexpected happened ({type(error).__name__}). Try again; if it stays so, report it "
            f"with the last lines of {_log_unexpected(error)}."
        )
        sys.exit(UNEXPECTED)


@app.command()
def init(
    api_base: Annotated[str | None, typer.Option(help="Address of the OpenClass API.")] = None,
    app_id: Annotated[
        str | None,
        typer.Option(
            help="The school's application id: request header X-OpenClass-App-Id of the class page."
        ),
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="The school's class site, e.g. https://class.example.org.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Your email at OpenClass.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    classes: Annotated[
        str | None, typer.Option(help="Classes to make active: all, or ids separated by commas.")
    ] = None,
) -> None:
    """Connect to your school: log in, list the classes, keep the settings, choose the active classes."""
    from cohort_core.settings import load_settings
    from cohort_core.store.classes import set_active

    workspace = _workspace()
    known = load_settings(workspace.home, api_base=api_base, app_id=app_id, origin=origin, email=email)
    password = _read_password() if password_stdin else None
    if password is None and known.password is not None:
        password = known.password.get_secret_value()
    listed, place = workspace.connect(
        api_base=known.api_base,
        app_id=known.app_id or _ask("Application id", "--app-id"),
        origin=known.origin or _ask("Class site (origin)", "--origin"),
        email=known.email or _ask("Email", "--email"),
        password=password or _ask("Password", "--password-stdin", hidden=True),
    )
    typer.echo(f"Connected. The password is kept in {place}.")
    chosen = _chosen_classes(listed, classes)
    set_active(workspace.database, chosen, active=True)
    for one in listed:
        typer.echo(f"  {'*' if one.id in chosen else ' '} {one.friendly_id or one.id}  {one.name}")
    if chosen:
        typer.echo("Classes with * are active. Next: `cohort-tracker sync`, then `cohort-tracker serve`.")
    else:
        typer.echo("No class is active yet. Next: `cohort-tracker activate ID…`.")


@app.command()
def classes(
    all_: Annotated[
        bool, typer.Option("--all", help="Also those that are not active, asking OpenClass anew.")
    ] = False,
) -> None:
    """List the active classes."""
    from cohort_core.store.classes import load_statuses

    if all_:
        workspace = _workspace()
        try:
            workspace.refresh_classes()
        except (errors.UpstreamError, errors.NotConnected) as error:
            _complain(f"{error.message} These are the classes known so far.")
    statuses = load_statuses(_database(), active_only=not all_)
    if not statuses:
        typer.echo(
            "No class is active. `cohort-tracker classes --all` lists all; choose with "
            "`cohort-tracker activate ID…`."
        )
    for one in statuses:
        mark = "*" if one.is_active else " "
        typer.echo(f"{mark} {one.id}  {one.friendly_id or '-'}  {one.name}")


@app.command()
def activate(references: References) -> None:
    """Include classes in every sync."""
    _set_active(references, active=True)


@app.command()
def deactivate(references: References) -> None:
    """Leave classes out of syncs. What was synced stays."""
    _set_active(references, active=False)


@app.command()
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
    workspace = _workspace()
    try:
        job = workspace.claim_sync(class_id, asked_by="cli", full=full, accept_removals=accept_removals)
        with _progress_bar(job, workspace, is_wanted=not as_json):
            result = job.run()
    except errors.CohortError as error:
        if as_json:
            nothing: dict[str, Any] = {"records": 0, "seconds": 0.0, "classes": []}
            typer.echo(json.dumps(nothing | {"error": {"code": error.code, "message": error.message}}))
        raise
    if as_json:
        typer.echo(json.dumps(result.as_dict()))
    else:
        _tell(result)
    sys.exit(_exit_code(result))


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show when each class was last synced, and how much of it is here."""
    from cohort_core.store.classes import last_sync, load_statuses
    from cohort_core.store.runs import load_latest_runs
    from cohort_core.sync.claim import running_job

    database = _database()
    if not database.exists:
        if as_json:
            typer.echo(json.dumps({"last_sync": None, "running": None, "classes": []}))
        else:
            typer.echo("Nothing is here yet. Run `cohort-tracker init` to connect, or `cohort-tracker demo`.")
        return
    statuses = load_statuses(database)
    latest = load_latest_runs(database)
    running = running_job(database)
    if as_json:
        from dataclasses import asdict

        typer.echo(
            json.dumps(
                {
                    "last_sync": last_sync(database),
                    "running": running.as_dict() if running else None,
                    "classes": [
                        asdict(one) | {"last_run": latest[one.id].as_dict() if one.id in latest else None}
                        for one in statuses
                    ],
                }
            )
        )
        return
    for one in statuses:
        if one.is_active or one.synced_at:
            typer.echo(_status_line(one))
            if one.id in latest:
                typer.echo(f"    {_run_line(latest[one.id])}")
    if running:
        typer.echo(f"A sync is running: {running.records} records read so far.")
    if not any(one.is_active for one in statuses):
        typer.echo("No class is active. Choose with `cohort-tracker activate ID…`.")


@app.command()
def cancel() -> None:
    """Stop the sync that is running, in whatever process, between two pages. What it has read is kept."""
    from cohort_core.store.runs import request_cancel
    from cohort_core.sync.claim import running_job

    database = _database()
    running = running_job(database) if database.exists else None
    if running is None:
        typer.echo("No sync is running.")
        return
    request_cancel(database, running.id)
    typer.echo("The sync stops after the page that it reads now.")


@app.command()
def quarantine(class_id: OneClassId = None, as_json: AsJson = False) -> None:
    """List records from OpenClass that cannot be used, and why. Every sync tries them again."""
    from dataclasses import asdict

    rows = _workspace().set_aside(class_id)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in rows]))
        return
    for one in rows:
        typer.echo(f"{one.class_id}  {one.id}  since {one.first_seen_at[:10]}: {one.reason}")
    typer.echo(f"{len(rows)} records are set aside.")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The copy to make.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Copy the database into a file that only you can read, while everything runs."""
    from cohort_core.store.maintenance import backup as make_backup

    size = make_backup(_database_that_exists(), file, replace=force)
    typer.echo(f"Backed up to {file} ({size / 1e6:.1f} MB). It holds your students' data: keep it private.")


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="A file that `backup` made.")]) -> None:
    """Put a backup in place of the database, after checking it. The database of before is kept beside it."""
    from cohort_core.store.maintenance import restore as put_back
    from cohort_core.sync.claim import take_claim

    database = _database()
    with take_claim(database):
        kept = put_back(database, file)
    typer.echo(f"Restored {file}. What was there before is in {kept}. Next: `cohort-tracker sync --full`.")


@app.command()
def purge(
    student: Annotated[str, typer.Option(help="The student's id, as the API's /students lists it.")],
    allow_return: Annotated[
        bool, typer.Option("--allow-return", help="Undo: let the next sync bring a purged student back.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a person from everything here, for good. Later syncs do not bring them back."""
    from cohort_core.store.purge import allow_return as let_return
    from cohort_core.store.purge import purge_student
    from cohort_core.sync.claim import take_claim

    database = _database_that_exists()
    with take_claim(database):
        if allow_return:
            let_return(database, student)
            typer.echo("The next sync brings this student back.")
            return
        if not yes and sys.stdin.isatty():
            typer.confirm("Remove everything about this student from this computer?", abort=True)
        gone = purge_student(database, student)
    typer.echo(
        f"Purged: {gone.progressions} progressions, {gone.changes} changes, {gone.quarantined} records set "
        f"aside, {gone.enrolments} lines of the roster. Backups and exports that you made still hold them."
    )


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask OpenClass.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at settings, files, database, syncs and OpenClass; say what to do. Exit code 1 if there is."""
    from dataclasses import asdict

    from cohort_core.doctor import examine

    findings = []
    for one in examine(_home(), with_upstream=not offline):
        findings.append(one)
        if not as_json:
            mark = "ok     " if one.is_well else "to do  "
            typer.echo(f"{mark}{one.what}: {one.told}" + (f"\n       {one.advice}" if one.advice else ""))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in findings]))
    sys.exit(0 if all(one.is_well for one in findings) else UNEXPECTED)


@app.command("import")
def import_(
    students: Annotated[
        Path | None,
        typer.Option(
            help="CSV of the roster: email or first_name,last_name (or student_id), and any of night, "
            "region, enrolled_on, withdrawn_on (2026-09-01), class."
        ),
    ] = None,
    mentors: Annotated[Path | None, typer.Option(help="CSV of the mentors: name, night.")] = None,
    class_id: Annotated[
        str | None,
        typer.Option("--class-id", help="The class of the roster, unless a column `class` says so."),
    ] = None,
    rust_db: Annotated[
        Path | None, typer.Option(help="The SQLite file of the Rust tool, to move in from it.")
    ] = None,
) -> None:
    """Import the roster and the mentors, replacing those imported before. Reports lines it cannot use."""
    from cohort_core import roster_files

    if students is None and mentors is None and rust_db is None:
        raise errors.BadInput("Name a file with --students, --mentors or --rust-db.", parameter="students")
    database = _database()
    if rust_db is not None:
        _move_in(database, rust_db)
    if students is not None:
        done = roster_files.import_students(database, roster_files.read_text(students), class_id)
        _report_unusable(students, done.unusable)
        typer.echo(
            f"Roster imported: {done.matched} students of OpenClass, {done.unseen} not seen there yet, "
            f"{len(done.unusable)} lines not used."
        )
    if mentors is not None:
        done = roster_files.import_mentors(database, roster_files.read_text(mentors))
        _report_unusable(mentors, done.unusable)
        typer.echo(f"Mentors imported: {done.mentors}, {len(done.unusable)} lines not used.")


@app.command()
def export(
    class_id: RequiredClassId,
    report: Annotated[str, typer.Option(help="Which one, such as student-health; see docs/metrics.md.")],
    out: Annotated[Path, typer.Option(help="The file to make; only you can read it.")],
    format_: Annotated[
        str | None, typer.Option("--format", help="csv or xlsx; default: as the file's name ends, else csv.")
    ] = None,
    as_of: AsOf = None,
    group: Group = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="Assignments of this type only, such as quiz.")
    ] = None,
    student_id: Annotated[
        str | None, typer.Option(help="The student, for reports about one of them.")
    ] = None,
    assignment_id: Annotated[
        str | None, typer.Option(help="The assignment, for reports about one of them.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Changes after this time, or from this day on (2026-09-01).")
    ] = None,
    anonymous: AnonymousOption = False,
    force: Force = False,
) -> None:
    """Write a report of a class as a table for spreadsheets."""
    from cohort_core import exports

    kind = (format_ or out.suffix.removeprefix(".") or "csv").lower()
    if kind not in exports.KINDS:
        raise errors.BadInput(
            "There is no such format. Say --format csv or --format xlsx.", parameter="format"
        )
    reader = _reader(anonymous)
    made = reader.report(
        report,
        class_id,
        as_of=as_of,
        group=group,
        type=type_,
        student_id=student_id,
        assignment_id=assignment_id,
        since=since,
    )
    about = {"Class": reader.facts(class_id).name, "As of": as_of or "", "Group": group or ""}
    about |= {"People": "pseudonyms"} if reader.anonymous else {}
    shown = {name: text for name, text in about.items() if text}
    _write_for_owner(out, exports.KINDS[kind].write(made, shown), replace=force)
    typer.echo(f"Wrote {len(made.frame)} rows to {out}. {_privacy(reader.anonymous)}")


@app.command()
def report(
    class_id: RequiredClassId,
    out: Annotated[Path, typer.Option(help="The PDF to make; only you can read it.")],
    as_of: AsOf = None,
    group: Group = None,
    anonymous: AnonymousOption = False,
    force: Force = False,
) -> None:
    """Write the class report as a PDF: summary, who needs attention, blockers, trends, definitions."""
    from cohort_core import class_report

    reader = _reader(anonymous)
    cohort = reader.cohort(class_id, as_of, group)
    _write_for_owner(out, class_report.pdf(cohort, anonymous=reader.anonymous), replace=force)
    typer.echo(f"Wrote {out}. {_privacy(reader.anonymous)}")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Loopback only, for now.")] = "127.0.0.1",
    port: Port = 3000,
    sync_every: Annotated[
        str | None, typer.Option(help="Sync by itself so often, such as 30m or 2h (setting: sync_every).")
    ] = None,
) -> None:
    """Serve the dashboard at /dashboard and the API at / on this computer."""
    from cohort_core.sync.schedule import parse_interval

    workspace = _workspace()
    wanted = sync_every or workspace.settings().sync_every
    _serve(workspace, host, port, sync_every=parse_interval(wanted) if wanted else None)


@app.command()
def demo(
    port: Port = 3000,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", envvar="NO_BROWSER", help="Do not open the browser.")
    ] = False,
) -> None:
    """Look around: a practice school with invented people, synced and served. Nothing of yours is touched.

    Its data is kept in COHORT_HOME if that is set and holds no other school, else until the end of the demo.
    """
    with _demo_home():
        workspace = _workspace()
        from cohort_core.server import listen
        from cohort_core.store.classes import set_active

        listener = listen("127.0.0.1", port)
        typer.echo("Starting the practice school and syncing it …")
        listed = workspace.use_practice_school()
        set_active(workspace.database, [one.id for one in listed], active=True)
        job = workspace.claim_sync(asked_by="cli")
        with _progress_bar(job, workspace, is_wanted=True):
            result = job.run()
        _tell(result)
        _serve(workspace, "127.0.0.1", port, listener, open_browser=not no_browser)


@app.command("practice-server")
def practice_server(
    port: Port = 8765,
    day: Annotated[int, typer.Option(help="The day of the course that today is, in the real classes.")] = 90,
    seed: Annotated[int, typer.Option(help="Another number makes other people.")] = 7,
    page_cap: Annotated[int, typer.Option(min=1, help="Most rows a page.")] = 200,
    token_days: Annotated[float, typer.Option(help="Life of a token in days.")] = 30.0,
    faults: Annotated[bool, typer.Option(help="Let POST /practice/faults make it misbehave.")] = False,
) -> None:
    """Run the practice school, a server that speaks OpenClass's API, until Ctrl-C."""
    from cohort_core.practice.server import serve as serve_school
    from cohort_core.settings import load_settings

    timezone = load_settings(_home()).default_timezone
    serve_school(
        port, day=day, seed=seed, page_cap=page_cap, token_days=token_days, faults=faults, timezone=timezone
    )


def _home() -> Home:
    from cohort_core.home import Home

    return Home.from_environment()


def _database() -> Database:
    from cohort_core.store.database import Database

    return Database(_home())


def _database_that_exists() -> Database:
    database = _database()
    if not database.exists:
        raise errors.BadInput("There is no database yet. Run `cohort-tracker sync` first.", parameter="file")
    return database


def _workspace() -> Workspace:
    from cohort_core.workspace import shared_workspace

    return shared_workspace()


def _reader(anonymous: bool) -> Reader:
    from cohort_core.workspace import Reader

    workspace = _workspace()
    return Reader(workspace, workspace.is_anonymous(anonymous))


def _write_for_owner(path: Path, data: bytes, *, replace: bool) -> None:
    from cohort_core.home import write_private

    if path.exists() and not replace:
        raise errors.BadInput(f"{path} is there already. Say --force to replace it.", parameter="out")
    try:
        write_private(path, data)
    except OSError as error:
        why = error.strerror or "unknown reason"
        raise errors.BadInput(
            f"{path} cannot be written ({why}). Choose another place.", parameter="out"
        ) from None


def _privacy(anonymous: bool) -> str:
    return "Names in it are pseudonyms." if anonymous else "It holds your students' data: keep it private."


def _complain(message: str) -> None:
    typer.secho(f"Error: {message}", err=True, fg="red")


def _ask(name: str, option: str, *, hidden: bool = False) -> str:
    """Ask the person, where there is one."""
    if not sys.stdin.isatty():
        raise errors.BadInput(f"{name} is missing. Give it with {option}.", parameter=option)
    answer: str = typer.prompt(name, hide_input=hidden)
    return answer.strip()


def _read_password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise errors.BadInput(
            "There is no password on standard input. Pipe it in, or leave --password-stdin out.",
            parameter="password",
        )
    return password


def _chosen_classes(listed: Sequence[ListedClass], wanted: str | None) -> list[str]:
    if wanted is None:
        if len(listed) == 1:
            return [listed[0].id]
        if not sys.stdin.isatty() or not listed:
            return []
        for one in listed:
            typer.echo(f"  {one.friendly_id or one.id}  {one.name}")
        wanted = typer.prompt("Which classes are yours? (all, or ids separated by commas)")
    if wanted.strip().casefold() == "all":
        return [one.id for one in listed]
    by_name = {name: one.id for one in listed for name in (one.id, one.friendly_id) if name}
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in names:
        if name not in by_name:
            raise errors.UnknownClass(
                f"OpenClass lists no class {name!r} for you. Choose with `cohort-tracker activate ID…`; "
                "`cohort-tracker classes --all` lists all."
            )
    return [by_name[name] for name in names]


def _set_active(references: Sequence[str], *, active: bool) -> None:
    from cohort_core.store.classes import set_active

    ids = set_active(_database(), references, active=active)
    typer.echo(f"{'Active' if active else 'Not active'} now: {len(ids)} of the classes named.")


@contextmanager
def _progress_bar(job: SyncJob, workspace: Workspace, *, is_wanted: bool) -> Iterator[None]:
    """A bar on a terminal, nothing elsewhere."""
    if not (is_wanted and sys.stderr.isatty()):
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Syncing", total=None, told="")

        def show() -> None:
            state = workspace.job(job.id)
            run = next((one for one in state.runs if one.state == "running"), None)
            if run:
                progress.update(
                    task,
                    description=run.name,
                    completed=run.pages,
                    total=run.page_total,
                    told=f"page {run.pages} of {run.page_total}, {run.records} records: {run.added} new, "
                    f"{run.changed} changed, {run.removed} removed, {run.quarantined} set aside",
                )

        job.on_page = show
        yield


def _tell(job: Job) -> None:
    for run in job.runs:
        if run.error:
            _complain(f"{run.name}: {run.error}")
        elif run.is_clean is False:
            typer.echo(f"{run.name}: changed while it was read, so nothing was removed. Sync again later.")
        if run.quarantined:
            typer.echo(f"{run.name}: {run.quarantined} records cannot be used and were set aside.")
    typer.echo(f"Synced {job.records} records in {job.seconds or 0:.1f} seconds")


def _exit_code(job: Job) -> int:
    codes = {run.error_code for run in job.runs}
    if codes == {None}:
        return 0
    if len(codes) == 1:
        code = codes.pop()
        return next(exit_code for error, exit_code in EXIT_CODES.items() if error.code == code)
    return PARTIAL


def _status_line(one: ClassStatus) -> str:
    return (
        f"{'*' if one.is_active else ' '} {one.name} ({one.friendly_id or one.id}): "
        f"{_told_age(one.synced_at)}, {one.students} students, {one.assignments} assignments, "
        f"{one.progressions} progressions" + (f", {one.quarantined} set aside" if one.quarantined else "")
    )


def _run_line(run: Run) -> str:
    if run.error:
        return f"last run {run.state}: {run.error}"
    verified = {True: "verified", False: "not verified"}.get(bool(run.is_clean), "") if run.ended_at else ""
    return (
        f"last run {run.state} ({run.kind}{', ' if verified else ''}{verified}): {run.pages} pages in "
        f"{run.seconds or 0:.1f} s, {run.added} new, {run.changed} changed, {run.removed} removed, "
        f"{run.quarantined} set aside"
    )


def _told_age(synced_at: str | None) -> str:
    if synced_at is None:
        return "never synced"
    from datetime import datetime

    at = datetime.fromisoformat(synced_at).astimezone()
    return f"last sync {at:%Y-%m-%d %H:%M}"


def _move_in(database: Database, file: Path) -> None:
    from cohort_core.rust_tool import import_rust_db
    from cohort_core.sync.claim import take_claim

    with take_claim(database):
        moved = import_rust_db(database, file)
    for table, identity, reason in moved.unusable:
        typer.echo(f"{file.name} {table} {identity}: {reason}", err=True)
    typer.echo(
        f"Taken over: {moved.classes} classes, {moved.students} enrolments, {moved.assignments} assignments, "
        f"{moved.progressions} progressions, {moved.mentors} mentors; {len(moved.unusable)} rows not used. "
        "Next: `cohort-tracker init` if you are not connected, then `cohort-tracker sync`."
    )


def _report_unusable(path: Path, unusable: Sequence[Any]) -> None:
    for one in unusable:
        typer.echo(f"{path.name} line {one.line}: {one.reason}", err=True)


def _serve(
    workspace: Workspace,
    host: str,
    port: int,
    listener: Any = None,
    *,
    sync_every: timedelta | None = None,
    open_browser: bool = False,
) -> None:
    from cohort_core import server

    listener = listener or server.listen(host, port)
    if open_browser:
        import threading
        import webbrowser

        address = f"http://127.0.0.1:{listener.getsockname()[1]}{server.DASHBOARD_PATH}"
        threading.Timer(1.0, webbrowser.open, [address]).start()
    server.serve(workspace, listener, sync_every=sync_every, say=typer.echo)


@contextmanager
def _demo_home() -> Iterator[None]:
    """The folder for the demo's data, never one that holds a real school."""
    from cohort_core.settings import load_settings

    home = _home()
    if "COHORT_HOME" in os.environ and (not home.config.exists() or load_settings(home).practice):
        yield
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="cohort-tracker-demo-") as folder:
        os.environ["COHORT_HOME"] = folder
        yield


def _log_unexpected(error: Exception) -> Path:
    """Keep where it happened. The message stays out: it may hold a student's data."""
    import contextlib
    import traceback
    from datetime import UTC, datetime

    home = _home()
    places = "".join(traceback.format_tb(error.__traceback__))
    with contextlib.suppress(OSError):
        home.ensure()
        descriptor = os.open(home.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC).isoformat()} {type(error).__name__}\n{places}\n")
    return home.log


if __name__ == "__main__":
    main()
