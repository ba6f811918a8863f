"""Commands that import rosters and export tables and the class report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cohort_core import errors
from cohort_core.cli import common
from cohort_core.cli.common import AnonymousOption, AsOf, Force, Group, RequiredClassId

if TYPE_CHECKING:
    from cohort_core.services.commands import AdminCommands

commands = typer.Typer()


@commands.command("import")
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
    from cohort_core.imports import roster_files
    from cohort_core.sources import source_class

    if students is None and mentors is None and rust_db is None:
        raise errors.BadInput("Name a file with --students, --mentors or --rust-db.", parameter="students")
    admin = common.admin()
    if rust_db is not None:
        _import_rust_tool(admin, rust_db)
    if students is not None:
        imported = admin.import_students(roster_files.read_text(students), class_id)
        _report_unusable(students, imported.unusable)
        typer.echo(
            f"Roster imported: {imported.matched} students of {source_class().info.label}, "
            f"{imported.unseen} not seen there yet, {len(imported.unusable)} lines not used."
        )
    if mentors is not None:
        named = admin.import_mentors(roster_files.read_text(mentors))
        _report_unusable(mentors, named.unusable)
        typer.echo(f"Mentors imported: {len(named.mentors)}, {len(named.unusable)} lines not used.")


@commands.command()
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
    from cohort_core.export import tables

    kind = (format_ or out.suffix.removeprefix(".") or "csv").lower()
    if kind not in tables.KINDS:
        raise errors.BadInput(
            "There is no such format. Say --format csv or --format xlsx.", parameter="format"
        )
    reader = common.reader(anonymous)
    table = reader.report(
        report,
        class_id,
        as_of=as_of,
        group=group,
        type=type_,
        student_id=student_id,
        assignment_id=assignment_id,
        since=since,
    )
    about = {"Class": reader.class_data(class_id).name, "As of": as_of or "", "Group": group or ""}
    about |= {"People": "pseudonyms"} if reader.anonymous else {}
    shown = {name: text for name, text in about.items() if text}
    common.write_for_owner(out, tables.KINDS[kind].write(table, shown), replace=force)
    common.audit("export", table.name, reader.class_data(class_id).class_id, reader.anonymous)
    typer.echo(f"Wrote {len(table.frame)} rows to {out}. {common.privacy_note(reader.anonymous)}")


@commands.command()
def report(
    class_id: RequiredClassId,
    out: Annotated[Path, typer.Option(help="The PDF to make; only you can read it.")],
    as_of: AsOf = None,
    group: Group = None,
    anonymous: AnonymousOption = False,
    force: Force = False,
) -> None:
    """Write the class report as a PDF: summary, who needs attention, blockers, trends, definitions."""
    from cohort_core.export import pdf

    reader = common.reader(anonymous)
    cohort = reader.cohort(class_id, as_of, group)
    file = pdf.class_report(cohort, reader.band_meanings(), anonymous=reader.anonymous)
    common.write_for_owner(out, file, replace=force)
    common.audit("report", "pdf", cohort.class_data.class_id, reader.anonymous)
    typer.echo(f"Wrote {out}. {common.privacy_note(reader.anonymous)}")


def _import_rust_tool(admin: AdminCommands, file: Path) -> None:
    result = admin.import_rust_tool(file)
    for reason in result.reasons():
        typer.echo(f"{file.name}: not used: {reason}", err=True)
    typer.echo(
        f"Taken over: {result.classes} classes, {result.students} students, {result.assignments} "
        f"assignments, {result.progressions} progressions, {result.mentors} mentors; class night or "
        f"region of {result.groups} students; {len(result.unusable)} rows not used."
    )
    if result.known_classes:
        typer.echo(f"{result.known_classes} classes were synced here already and stay as they are.")
    if not result.has_sections:
        typer.echo(
            "The file has no sections, as an old version of the tool made it. The next sync brings them."
        )
    typer.echo("Next: `cohort-tracker init` if you are not connected, then `cohort-tracker sync`.")


def _report_unusable(path: Path, unusable: Sequence[Any]) -> None:
    for row in unusable:
        typer.echo(f"{path.name} line {row.line}: {row.reason}", err=True)
