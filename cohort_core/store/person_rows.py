"""The rows of rosters and quarantine that mean a person.

The student id of a line is what a file said, which is often a number of the school.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cohort_core.store.identity import address, full_name
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment, folded, load_seen_students
from cohort_core.store.roster_matching import match_lines

PersonReader = Callable[[str], tuple[str | None, str | None]]
"""Reads the student's id and email in the payload of a quarantined record."""

ROSTER_TABLES = {
    "enrolments": "class_id = ?",
    "earlier_enrolments": "import_id IN (SELECT id FROM roster_imports WHERE class_id = ?)",
    "roster_answers": "class_id = ?",
}
"""The tables with lines of rosters, each with the condition for those of a class."""


@dataclass(frozen=True)
class RosterRows:
    """The rows of a class that mean a person, by table of ROSTER_TABLES."""

    by_table: Mapping[str, list[sqlite3.Row]]
    ids: frozenset[str]
    """All ids that the person has or had in the class."""


def find_roster_rows(
    connection: sqlite3.Connection,
    class_id: str,
    ids: Collection[str],
    aliases: Mapping[str, str],
    student: Student | None,
) -> RosterRows:
    """Find the lines of a person, also earlier ones, and the answers about them.

    `ids` are those that the person has or had, `aliases` those of the class.
    """
    rows = {
        table: connection.execute(
            f"SELECT * FROM {table} WHERE {of_class} ORDER BY id",  # noqa: S608
            (class_id,),
        ).fetchall()
        for table, of_class in ROSTER_TABLES.items()
    }
    lines = [_as_line(row) for row in rows["enrolments"]]
    matches = match_lines(lines, load_seen_students(connection, class_id), aliases)
    meant: list[int] = []
    for place, (line, match) in enumerate(zip(lines, matches, strict=True)):
        is_meant = match.student is not None and match.student.id in ids
        is_repeat = match.state == "repeated" and match.other in meant
        if is_meant or is_repeat or {line.stand_in_id, line.student_id}.intersection(ids):
            meant.append(place)
    # Who is on an earlier roster alone has no line, but a stand-in id there.
    earlier = [_as_line(row) for row in rows["earlier_enrolments"] if row["stand_in_id"] in ids]
    people: list[Enrolment | Student] = [
        *([student] if student else []),
        *(lines[place] for place in meant),
        *earlier,
    ]
    all_ids = frozenset(ids) | {lines[place].stand_in_id or "" for place in meant} - {""}
    by_table = {"enrolments": [rows["enrolments"][place] for place in meant]}
    for table in ("earlier_enrolments", "roster_answers"):
        by_table[table] = [
            row
            for row in rows[table]
            if all_ids.intersection(row) or any(_is_same(_as_line(row), person) for person in people)
        ]
    return RosterRows(by_table, all_ids)


def find_quarantined(
    connection: sqlite3.Connection,
    ids: Collection[str],
    student: Student | None,
    read_person: PersonReader,
) -> list[sqlite3.Row]:
    """Find the quarantined records of a person, by id or email."""
    email = folded(student.email) if student is not None and student.email else None

    def is_theirs(payload: str) -> bool:
        student_id, address_of_record = read_person(payload)
        return student_id in ids or (email is not None and folded(address_of_record or "") == email)

    rows = connection.execute("SELECT * FROM quarantine").fetchall()
    return [row for row in rows if is_theirs(row["payload"])]


_LINE = ("student_id", "email", "first_name", "last_name", "stand_in_id")


def _as_line(row: sqlite3.Row) -> Enrolment:
    return Enrolment(**{name: row[name] for name in _LINE if name in row.keys()})  # noqa: SIM118


def _is_same(line: Enrolment, person: Enrolment | Student) -> bool:
    """Return True for the name or email of a person without a contradiction."""
    names = {full_name(line.first_name, line.last_name), full_name(person.first_name, person.last_name)}
    addresses = {address(line.email), address(person.email)}
    is_same_name = len(names) == 1 and "" not in names
    is_same_address = len(addresses) == 1 and "" not in addresses
    return (is_same_name and len(addresses - {""}) < 2) or (is_same_address and len(names - {""}) < 2)
