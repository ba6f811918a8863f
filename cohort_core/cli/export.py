"""Commands that write tables and the class report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cohort_core import errors
from cohort_core.cli import common
from cohort_core.cli.common import AnonymousOption, AsOf, Force, Group, RequiredClassId

commands = typer.Typer()


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
    kind: Annotated[
        str,
        typer.Option(
            help="class; class-night: whom to talk to first and about what, without scores; or director: one "
            "page, what changed since the last one."
        ),
    ] = "class",
    as_of: AsOf = None,
    group: Group = None,
    since: Annotated[
        str | None, typer.Option(help="The director's page only: its begin; default: the page before.")
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="The director's page only: name those who moved or left.")
    ] = False,
    anonymous: AnonymousOption = False,
    force: Force = False,
) -> None:
    """Write the class report as a PDF: summary, who needs attention, blockers, trends, definitions."""
    from cohort_core.export import class_night, director, pdf

    if kind not in ("class", "class-night", "director"):
        raise errors.BadInput(
            "There is no such report. Say --kind class, class-night or director.", parameter="kind"
        )
    if kind != "director" and (since is not None or names):
        raise errors.BadInput("--since and --names belong to --kind director.", parameter="kind")
    reader = common.reader(anonymous)
    if kind == "class":
        cohort = reader.cohort(class_id, as_of, group)
        file = pdf.class_report(cohort, reader.band_meanings(), anonymous=reader.anonymous)
    elif kind == "director":
        page = reader.director_page(class_id, since, as_of, group)
        cohort = page.after
        file = director.director_page(page, names=names, anonymous=reader.anonymous)
    else:
        cohort, night = reader.class_night(class_id, as_of, group)
        file = class_night.class_night_sheet(cohort, night, anonymous=reader.anonymous)
    common.write_for_owner(out, file, replace=force)
    if kind == "director":
        reader.record_director_page(cohort)
    common.audit("report", f"{kind} pdf", cohort.class_data.class_id, reader.anonymous)
    typer.echo(f"Wrote {out}. {common.privacy_note(reader.anonymous)}")
