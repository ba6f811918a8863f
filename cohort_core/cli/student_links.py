"""Commands for the links with which students open their own page."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from cohort_core.cli import common
from cohort_core.cli.common import AnonymousOption, AsJson, RequiredClassId
from cohort_core.cli.contacts import StudentId

commands = typer.Typer()
student_link = typer.Typer(
    no_args_is_help=True, help="Links with which students see their own progress, and nothing else."
)
commands.add_typer(student_link, name="student-link")


@student_link.command()
def create(class_id: RequiredClassId, student: StudentId) -> None:
    """Print a link to a student's own page, for 30 days.

    Earlier links of the student end. It needs the setting student_page = true.
    """
    address = common.commands().make_student_link(class_id, student)
    typer.echo("A link to the student's own page, for 30 days. Send it to the student alone:", err=True)
    common.print_secret(address)
    if address.startswith("http://127.0.0.1"):
        typer.echo(
            "Where others open this under another address, set it as COHORT_PUBLIC_URL or public_url.",
            err=True,
        )


@student_link.command("list")
def list_(class_id: RequiredClassId, anonymous: AnonymousOption = False, as_json: AsJson = False) -> None:
    """List the links of a class, newest first; nobody can read their addresses again."""
    links = common.reader(anonymous).student_links(class_id)
    if as_json:
        rows = [{name: value for name, value in asdict(link).items() if name != "digest"} for link in links]
        typer.echo(json.dumps(rows, allow_nan=False))
        return
    for link in links:
        end = f"ended {link.revoked_at}" if link.revoked_at else f"until {link.ends_at}"
        typer.echo(f"{link.student_id}  made {link.made_at} by {link.made_by}, {end}")
    if not links:
        typer.echo("There is no link to a student's page in this class.")


@student_link.command()
def end(class_id: RequiredClassId, student: StudentId) -> None:
    """End the links of a student, and close the pages that they opened."""
    ended = common.commands().end_student_link(class_id, student)
    typer.echo("Ended." if ended else "The student has no link that works.")
