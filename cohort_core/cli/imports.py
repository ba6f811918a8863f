"""The command that imports rosters, mentors and the database of the Rust tool."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cohort_core import errors
from cohort_core.cli import common
from cohort_core.cli.common import AsJson
from cohort_core.cli.exit_codes import LINES_LEFT
from cohort_core.formatting import count

if TYPE_CHECKING:
    from cohort_core.imports.roster_files import MentorsPlan
    from cohort_core.imports.roster_plan import PlannedLine, RosterPlan
    from cohort_core.services.admin_commands import AdminCommands

commands = typer.Typer()

MAX_SHOWN = 20


class DateOrder(StrEnum):
    """Which number of 01/09/2026 is the day."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


@commands.command("import")
def import_(
    students: Annotated[
        Path | None,
        typer.Option(
            help="The roster, CSV or XLSX, - for standard input: email, or first and last name, or student "
            "id, and any of night, region, enrolled_on, withdrawn_on, class."
        ),
    ] = None,
    mentors: Annotated[Path | None, typer.Option(help="The mentors, CSV or XLSX: name, night.")] = None,
    class_id: Annotated[
        str | None,
        typer.Option(
            "--class-id",
            help="The class of the roster, by id, friendly id or name, unless a column `class` says so.",
        ),
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="Keep the lines of the present roster that are not in the file.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Bring back the roster of before the last import.")
    ] = False,
    enrol_new: Annotated[
        bool, typer.Option("--enrol-new", help="Enrol everybody who matches nobody at OpenClass.")
    ] = False,
    accept_near: Annotated[
        bool,
        typer.Option("--accept-near", help="Take each line that nearly matches as the suggested student."),
    ] = False,
    enrol_near: Annotated[
        bool, typer.Option("--enrol-near", help="Enrol those as students of their own instead.")
    ] = False,
    leave_rest: Annotated[
        bool, typer.Option("--leave-rest", help="Leave all others out, and do not ask about them again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what the import would do, and change nothing.")
    ] = False,
    encoding: Annotated[
        str | None, typer.Option(help="How the letters of the file are written, such as cp1252.")
    ] = None,
    date_order: Annotated[
        DateOrder | None, typer.Option(help="How to read dates such as 01/09/2026.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(help="The sheet of a workbook; default: the first with people.")
    ] = None,
    night_column: Annotated[
        str | None, typer.Option(help="The column that holds the class night, by its header.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    rust_db: Annotated[
        Path | None, typer.Option(help="The SQLite file of the Rust tool, to move in from it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import the roster and the mentors, replacing those imported before.

    A line of the roster that matches nobody at OpenClass is not enrolled unless you say so: once is enough.
    Exit code 79 if a line waits for that, or cannot be used.
    """
    from cohort_core.imports import roster_files, roster_plan

    if students is None and mentors is None and rust_db is None and not undo:
        raise errors.BadInput(
            "Name a file with --students, --mentors or --rust-db, or say --undo.", parameter="students"
        )
    if undo and students is not None:
        raise errors.BadInput("Say either --students or --undo.", parameter="undo")
    if dry_run and (undo or rust_db is not None):
        raise errors.BadInput(
            "--dry-run shows what a roster or mentors would change. Leave it out with --undo and --rust-db.",
            parameter="dry_run",
        )
    if accept_near and enrol_near:
        raise errors.BadInput("Say either --accept-near or --enrol-near.", parameter="enrol_near")
    admin = common.admin()
    answer: dict[str, Any] = {}
    is_complete = True
    if rust_db is not None:
        _import_rust_tool(admin, rust_db, as_json=as_json)
    if undo:
        answer |= _undo(admin, class_id, as_json=as_json)
    if students is not None:
        plan = admin.plan_students(
            roster_files.read_content(students),
            class_id,
            name=_name_of(students),
            reading=roster_files.ReadingChoices(
                encoding=encoding,
                date_order=_ORDERS[date_order] if date_order else None,
                sheet=sheet,
                night_column=night_column,
            ),
            choices=roster_plan.Choices(
                enrol_new="all" if enrol_new else (),
                enrol_near="all" if enrol_near else (),
                accept_near="all" if accept_near else (),
                leave="all" if leave_rest else (),
            ),
            is_added=add,
        )
        with_names = not common.reader().is_always_anonymous
        if not as_json:
            _show_plan(plan, _name_of(students), with_names=with_names)
        taken_away = sum(len(part.dropped) for part in plan.by_class.values())
        is_asked = bool(taken_away) and str(students) != roster_files.STDIN and common.is_terminal()
        if is_asked and not (yes or dry_run or as_json):
            typer.confirm(f"Import it, and take {count(taken_away, 'line')} away?", abort=True)
        is_written = not dry_run and admin.keep_roster(plan)
        answer |= plan.as_dict(with_names=with_names) | {"written": is_written}
        is_complete = plan.is_settled
        if not as_json:
            _show_result(plan, is_written=is_written, is_tried=not dry_run)
    if mentors is not None:
        named = (admin.plan_mentors if dry_run else admin.import_mentors)(roster_files.read_content(mentors))
        answer["mentors"] = _mentors_as_dict(named)
        is_complete = is_complete and not named.unusable
        if not as_json:
            _report_unusable(_name_of(mentors), named.unusable)
            begin = "Mentors that would be imported" if dry_run else "Mentors imported"
            typer.echo(f"{begin}: {len(named.mentors)}, {count(len(named.unusable), 'line')} not used.")
    if as_json:
        typer.echo(json.dumps(answer, allow_nan=False))
    if not is_complete:
        raise typer.Exit(LINES_LEFT)


_ORDERS: dict[DateOrder, Any] = {
    DateOrder.DAY_FIRST: "day_first",
    DateOrder.MONTH_FIRST: "month_first",
}


def _name_of(path: Path) -> str:
    return "standard input" if str(path) == "-" else path.name


def _undo(admin: AdminCommands, class_id: str | None, *, as_json: bool) -> dict[str, Any]:
    restored, lines = admin.undo_roster(class_id)
    if not as_json:
        typer.echo(f"The roster of before is back: {count(lines, 'line')}.")
    return {"class_id": restored, "lines_after": lines}


def _show_plan(plan: RosterPlan, name: str, *, with_names: bool) -> None:
    """Print a plan: first what is odd, then the lists, then what it takes away."""
    if plan.hint:
        typer.echo(plan.hint)
    for sentence in plan.file.assumptions:
        typer.echo(sentence)
    if plan.file.ignored_columns:
        typer.echo(f"Columns not used: {', '.join(plan.file.ignored_columns)}.")
    if plan.file.night_candidates:
        typer.echo(f"May be the class night (--night-column): {', '.join(plan.file.night_candidates)}.")
    near = [
        (
            line,
            f"do you mean {line.student_name}?"
            if with_names and line.student
            else "do you mean a student of the class?",
        )
        for line in plan.of_state("near")
    ]
    _show_lines("Nearly a student of OpenClass", near, with_names=with_names)
    new = [(line, line.reason) for line in plan.of_state("new")]
    _show_lines("Nobody at OpenClass", new, with_names=with_names)
    waits = {entry.reason for entry in plan.file.unclear_dates}
    noted = [
        line
        for line in plan.lines
        if line.state == "not_used" or (line.state == "matched" and line.reason not in {"", *waits})
    ]
    _report_unusable(name, noted)
    for part in plan.by_class.values():
        if part.before and not plan.is_added:
            typer.echo(
                f"{part.name}: replaces {count(len(part.before), 'line')}, of which {len(part.dropped)} "
                f"{'is' if len(part.dropped) == 1 else 'are'} not in this file."
            )


def _show_lines(title: str, lines: list[tuple[PlannedLine, str]], *, with_names: bool) -> None:
    if not lines:
        return
    typer.echo(f"{title}: {count(len(lines), 'line')}")
    for line, words in lines[:MAX_SHOWN]:
        about = f" {line.name}" if with_names else ""
        what = (
            "enrolled before"
            if line.was_answered and line.is_used
            else "left out before"
            if line.was_answered
            else words
        )
        typer.echo(f"  line {line.line}{about}: {what}")
    if len(lines) > MAX_SHOWN:
        typer.echo(f"  and {len(lines) - MAX_SHOWN} more; --json lists all")


_STATES: tuple[Literal["near", "new"], ...] = ("near", "new")


def _show_result(plan: RosterPlan, *, is_written: bool, is_tried: bool) -> None:
    from cohort_core.sources import source_class

    label = source_class().info.label
    matched = sum(line.is_used and line.meant is not None for line in plan.lines)
    waiting = [line for line in plan.lines if line.decision == "ask"]
    left = {state: sum(not line.is_used for line in plan.of_state(state)) for state in _STATES}
    not_enrolled = "".join(f"{number} {state} not enrolled, " for state, number in left.items() if number)
    numbers = (
        f"{count(matched, 'student')} of {label}, {plan.used - matched} not seen there yet, {not_enrolled}"
        f"{count(len(plan.of_state('not_used')), 'line')} not used."
    )
    begin = (
        "Roster imported"
        if is_written
        else "Nothing was imported, as no line is used"
        if is_tried
        else "It would be"
    )
    typer.echo(f"{begin}: {numbers}")
    if is_tried and not is_written and plan.left_out_now:
        typer.echo("The roster stays as it is. The lines that you left out are not asked about again.")
    if dates := plan.waiting_dates:
        numbers = ", ".join(map(str, dates[:MAX_SHOWN])) + (" and others" if len(dates) > MAX_SHOWN else "")
        typer.echo(
            f"Dates of {'line' if len(dates) == 1 else 'lines'} {numbers} wait for you: say "
            "`--date-order day-first` or `--date-order month-first`."
        )
    if any(line.state == "new" for line in waiting):
        typer.echo(
            "Lines that match nobody are not enrolled. Say --enrol-new if they are students of the class, "
            "or --leave-rest."
        )
    if any(line.state == "near" for line in waiting):
        typer.echo(
            "Lines that nearly match wait for you. Say --accept-near, --enrol-near or --leave-rest, or "
            "correct the file."
        )


def _mentors_as_dict(plan: MentorsPlan) -> dict[str, Any]:
    return {
        "used": len(plan.mentors),
        "not_used": len(plan.unusable),
        "lines": [{"line": entry.line, "reason": entry.reason} for entry in plan.unusable],
    }


def _report_unusable(name: str, unusable: Iterable[Any]) -> None:
    for row in unusable:
        typer.echo(f"{name} line {row.line}: {row.reason}", err=True)


def _import_rust_tool(admin: AdminCommands, file: Path, *, as_json: bool) -> None:
    result = admin.import_rust_tool(file)
    for reason in result.reasons():
        typer.echo(f"{file.name}: not used: {reason}", err=True)
    lines = [
        f"Taken over: {result.classes} classes, {result.students} students, {result.assignments} "
        f"assignments, {result.progressions} progressions, {result.mentors} mentors; class night or "
        f"region of {result.groups} students; {len(result.unusable)} rows not used."
    ]
    if result.known_classes:
        lines.append(f"{result.known_classes} classes were synced here already and stay as they are.")
    if not result.has_sections:
        lines.append(
            "The file has no sections, as an old version of the tool made it. The next sync brings them."
        )
    lines.append("Next: `cohort-tracker init` if you are not connected, then `cohort-tracker sync`.")
    for line in lines:
        typer.echo(line, err=as_json)
