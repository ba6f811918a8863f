"""Commands for contacts with students."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cohort_core.cli import common
from cohort_core.cli.common import AnonymousOption, AsJson, AsOf, Force, Group, OneClassId, RequiredClassId
from cohort_core.formatting import count

commands = typer.Typer()
contact = typer.Typer(no_args_is_help=True, help="Messages to students and talks, and what came of them.")
commands.add_typer(contact, name="contact")

draft = typer.Typer(no_args_is_help=True, help="The drafts of messages: one for each reason.")
commands.add_typer(draft, name="draft")
DraftKind = Annotated[
    str,
    typer.Argument(
        help="never_started, silent, silent_and_stuck, stuck, behind, back_again or praise.", metavar="KIND"
    ),
]

StudentId = Annotated[
    str, typer.Option("--student", help="The student's id, as the API's /students lists it.")
]


@contact.command()
def add(
    class_id: RequiredClassId,
    student: StudentId,
    channel: Annotated[str, typer.Option(help="copied, email, call, met or other.")] = "email",
    kind: Annotated[
        str | None,
        typer.Option(help="never_started, risk, stuck or engagement_gap; default: why triage lists them."),
    ] = None,
    assignment_id: Annotated[str | None, typer.Option(help="The assignment that it was about.")] = None,
    note: Annotated[
        str | None, typer.Option(help="What the student may read, at most 500 characters.")
    ] = None,
    hide_days: Annotated[
        int, typer.Option(help="Leave the student out of triage for so many days; 0 for none.")
    ] = 7,
    as_json: AsJson = False,
) -> None:
    """Note that a student was written or talked to. The message itself is not kept."""
    noted = common.commands().add_contact(
        class_id,
        student,
        channel,
        kind=kind,
        assignment_id=assignment_id,
        note=note,
        hide_days=hide_days,
    )
    if as_json:
        until = noted.hidden_until and noted.hidden_until.isoformat()
        typer.echo(json.dumps(asdict(noted.contact) | {"hidden_until": until}, allow_nan=False))
        return
    was = "Noted" if noted.is_new else "Noted already"
    hidden = f" Triage lists the student again from {noted.hidden_until} on." if noted.hidden_until else ""
    typer.echo(f"{was} as contact {noted.contact.id}.{hidden}")


@contact.command("list")
def list_(
    class_id: OneClassId = None,
    student: Annotated[
        str | None, typer.Option("--student", help="Of this student of the class only.")
    ] = None,
    anonymous: AnonymousOption = False,
    as_json: AsJson = False,
) -> None:
    """List contacts, newest first; with pseudonyms without their notes."""
    from cohort_core.errors import BadInput

    if student is not None and class_id is None:
        raise BadInput("A student is asked for with a class. Say --class-id too.", parameter="class_id")
    contacts = common.reader(anonymous).contacts(class_id, student)
    if as_json:
        typer.echo(json.dumps([asdict(item) for item in contacts], allow_nan=False))
        return
    for item in contacts:
        about = f" about {item.kind}" if item.kind else ""
        note = f": {item.note}" if item.note else ""
        typer.echo(
            f"{item.id}  {item.at[:16]}Z  class {item.class_id}, student {item.student_id}  "
            f"{item.channel}{about}, by {item.who}{note}"
        )
    if not contacts:
        typer.echo("No contact is noted.")


@contact.command()
def delete(
    class_id: RequiredClassId,
    student: StudentId,
    number: Annotated[int, typer.Argument(min=1, max=2**53, help="The number of the contact.")],
) -> None:
    """Delete a contact with its note, and undo the hide that it made."""
    common.commands().delete_contact(class_id, student, number)
    typer.echo("Deleted, with its note.")


@draft.command("list")
def list_drafts(as_json: AsJson = False) -> None:
    """Print the draft for each reason, with its placeholders unfilled."""
    drafts = common.reader().drafts().values()
    if as_json:
        rows = [asdict(item) for item in drafts]
        typer.echo(json.dumps([row.pop("template") | row for row in rows], allow_nan=False))
        return
    for item in drafts:
        whose = "ours" if item.is_ours else f"written {(item.changed_at or '')[:16]}Z by {item.who}"
        typer.echo(f"{item.kind} ({whose})\nSubject: {item.template.subject}\n{item.template.body}\n")


@draft.command("set")
def set_draft(
    kind: DraftKind,
    body: Annotated[
        str | None,
        typer.Option(
            help="The text, with {first_name}, {assignment}, {days}, {missing} and {mentor}; default: the "
            "text on the standard input."
        ),
    ] = None,
    subject: Annotated[str | None, typer.Option(help="One line; default: the present subject.")] = None,
) -> None:
    """Write your own draft in place of the present one."""
    common.database_that_exists()
    present = common.reader().drafts().get(kind)
    subject = subject if subject is not None or present is None else present.template.subject
    text = _read_text() if body is None else body
    common.commands().save_draft(kind, subject or "", text)
    typer.echo("Saved.")


def _read_text() -> str:
    """Read the text on standard input, whatever the computer's usual encoding is."""
    from cohort_core.errors import BadInput

    try:
        return "" if sys.stdin is None else sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(
            "The text on standard input is not UTF-8. Save it as UTF-8, or say it with --body.",
            parameter="body",
        ) from None


@draft.command("reset")
def reset_draft(kind: DraftKind) -> None:
    """Go back to the draft that comes with the program."""
    common.database_that_exists()
    common.commands().reset_draft(kind)
    typer.echo("The draft is ours again.")


@commands.command("student-file")
def student_file(
    student: StudentId,
    out: Annotated[
        Path | None, typer.Option(help="The file to make, which only you can read; default: print it.")
    ] = None,
    force: Force = False,
) -> None:
    """Print everything that is kept about one person, as JSON."""
    common.database_that_exists()
    text = json.dumps(common.admin().student_file(student), indent=2, ensure_ascii=False, allow_nan=False)
    if out is None:
        typer.echo(text)
        return
    common.write_for_owner(out, text.encode(), replace=force)
    typer.echo(f"Wrote {out}. {common.privacy_note(anonymous=False)}")


@commands.command()
def handover(
    class_id: RequiredClassId,
    out: Annotated[Path, typer.Option(help="The PDF to make; only you can read it.")],
    as_of: AsOf = None,
    group: Group = None,
    anonymous: AnonymousOption = False,
    force: Force = False,
) -> None:
    """Write a PDF for the next mentor of a class or group."""
    from cohort_core.export import handover as sheet
    from cohort_core.store.handover import QUESTIONS

    reader = common.reader(anonymous)
    cohort, notes = reader.cohort(class_id, as_of, group), reader.handover_notes(class_id)
    for question, number in sheet.gaps(cohort, notes).items():
        if number:
            students = count(number, "student")
            typer.echo(f"{QUESTIONS[question]}: no answer for {students} (`handover-note` adds one).")
    file = sheet.handover(
        *(cohort, reader.contact_frame(class_id), reader.holding_hides(cohort), notes),
        anonymous=reader.anonymous,
    )
    common.write_for_owner(out, file, replace=force)
    common.audit("report", "handover pdf", cohort.class_data.class_id, reader.anonymous)
    typer.echo(f"Wrote {out}. {common.privacy_note(reader.anonymous)}")


@commands.command("handover-note")
def handover_note(
    class_id: RequiredClassId,
    question: Annotated[str, typer.Option(help="helps, careful, promised or else.")],
    text: Annotated[str, typer.Option(help="What the student may read; empty removes the answer.")],
    student: Annotated[
        str | None, typer.Option("--student", help="About this student; default: the class or group.")
    ] = None,
    group: Group = None,
) -> None:
    """Keep an answer for the handover, such as what was promised."""
    common.commands().save_handover_note(class_id, question, text, student_id=student, group=group)
    typer.echo("Kept for the handover." if text.strip() else "Removed.")
