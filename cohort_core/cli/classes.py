"""Commands that close a class which has ended, and open it again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from cohort_core import errors
from cohort_core.cli import common
from cohort_core.formatting import count

if TYPE_CHECKING:
    import pandas as pd

    from cohort_core.store.class_data import ClassData

commands = typer.Typer()
class_commands = typer.Typer(help="Close a class that has ended, or open it again.", no_args_is_help=True)
commands.add_typer(class_commands, name="class")
Reference = Annotated[str, typer.Argument(metavar="ID", help="The class's id or friendly id.")]


@class_commands.command()
def close(
    reference: Reference,
    lost: Annotated[
        list[str] | None,
        typer.Option(help="The id or email of a student who was lost; may stand several times."),
    ] = None,
    by_roster: Annotated[
        bool, typer.Option("--by-roster", help="Lost are those withdrawn on the roster. Do not ask.")
    ] = False,
    on: Annotated[
        str | None, typer.Option(help="The last day of the class (2026-09-01); default: today.")
    ] = None,
    contacts: Annotated[
        str | None,
        typer.Option(
            help="keep contacts and handover notes for a year, or delete them now; default: ask, else keep."
        ),
    ] = None,
) -> None:
    """Close a class: it is not synced automatically and not in triage, and stays readable.

    Of who was lost only counts are kept. Contacts and handover notes are kept for a year, or deleted now.
    """
    common.database_that_exists()
    closed_on = _parse_day(on)
    data = common.reader().class_data(reference)
    students = data.students
    if by_roster and lost:
        raise errors.BadInput("Say --by-roster or --lost, not both.", parameter="lost")
    if by_roster:
        ids = None
    elif lost:
        ids = [_find_student(students, name) for name in lost]
    elif common.is_terminal():
        ids = _ask_who_was_lost(data)
    else:
        raise errors.BadInput(
            "Say who was lost: --lost ID for each student, or --by-roster for those withdrawn on the roster.",
            parameter="lost",
        )
    kept = common.reader().count_contacts(reference)
    erases = _find_erases(contacts, kept)
    status = common.commands().close_class(reference, ids, closed_on, erases_contacts=erases)
    is_kept = common.reader().has_band_counts(reference)
    number = int(students["withdrawn_on"].notna().sum()) if ids is None else len(set(ids))
    typer.echo(
        f"Closed {status.name} on {status.closed_on}. "
        f"{_describe_counts(number, len(students), is_by_roster=ids is None, is_kept=is_kept)}"
    )
    if kept:
        typer.echo(
            f"Contacts and notes are deleted. Backups still hold them.{_name_copies()}"
            if erases
            else "Contacts and notes are kept for a year from today."
        )


@class_commands.command("open")
def open_(reference: Reference) -> None:
    """Open a closed class again. The counts that its closing kept are removed."""
    common.database_that_exists()
    status = common.commands().open_class(reference)
    typer.echo(f"{status.name} is open again, and its counts are removed.")


def _describe_counts(lost: int, students: int, *, is_by_roster: bool, is_kept: bool) -> str:
    if is_by_roster and not lost:
        return (
            "The roster has nobody as withdrawn, so no counts are kept. To say who was lost, open it and "
            "close it with --lost."
        )
    if not is_kept:
        return "Nobody has begun anything in it, so no counts are kept."
    return f"{count(lost, 'student')} of {students:,} lost; only counts are kept of that."


def _find_erases(answer: str | None, kept: int) -> bool:
    """Return whether to delete what is kept of contacts; on a terminal it is asked."""
    is_asked = answer is None and kept > 0 and common.is_terminal()
    if is_asked:
        typer.echo(f"{count(kept, 'contact and note', 'contacts and notes')} of this class.")
        typer.echo(
            "Backups, and copies from before a restore or an update, hold them until you delete those."
        )
        answer = typer.prompt("keep them for a year, or delete them now?", default="keep")
    answer = (answer or "keep").strip().lower()
    if answer not in ("keep", "delete"):
        raise errors.BadInput("Say --contacts keep or --contacts delete.", parameter="contacts")
    return answer == "delete"


def _name_copies() -> str:
    """Name the copies from before a restore or an update."""
    copies = "".join(f"\n  {path}" for path in common.admin().home.automatic_copies())
    return (
        f" So do these copies from before a restore or an update, until you delete them:{copies}"
        if copies
        else ""
    )


def _parse_day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise errors.BadInput("--on is not a day. Write one such as 2026-09-01.", parameter="on") from None


def _find_student(students: pd.DataFrame, name: str) -> str:
    """Return the id of a student by id or email.

    Raises ``BadInput`` if there is none, or several.
    """
    text = name.strip()
    fits = students["student_id"].eq(text)
    if not fits.any():
        fits = students["email"].fillna("").str.casefold().eq(text.casefold()) & (text != "")
    if fits.sum() != 1:
        raise errors.BadInput(
            "The class has no student with an id or email that --lost names, or several. The API's /students "
            "lists them.",
            parameter="lost",
        )
    return str(students.loc[fits, "student_id"].iloc[0])


def _ask_who_was_lost(data: ClassData) -> list[str]:
    """List the students on the terminal, and return the ids of those who were lost."""
    from cohort_core.metrics.cohort import names_of_all

    students, names = data.students, names_of_all(data)
    is_withdrawn = students["withdrawn_on"].notna()
    for number, (name, is_lost) in enumerate(
        zip(names[students["student_id"]], is_withdrawn, strict=True), start=1
    ):
        typer.echo(f"{number:>4}  {name}{'  (withdrawn)' if is_lost else ''}")
    withdrawn = " ".join(str(number) for number in (is_withdrawn.to_numpy().nonzero()[0] + 1))
    answer = typer.prompt("Who was lost? Numbers with blanks between, - for nobody", default=withdrawn or "-")
    chosen = [] if answer.strip() == "-" else answer.replace(",", " ").split()
    if not all(text.isdecimal() and 1 <= int(text) <= len(students) for text in chosen):
        raise errors.BadInput(
            "These are not numbers of the list. Start again, and write such as 3 17.", parameter="lost"
        )
    return [str(students["student_id"].iloc[int(text) - 1]) for text in chosen]
