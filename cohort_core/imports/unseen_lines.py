"""Lines of the present roster that mean nobody at OpenClass, and their near matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cohort_core.imports.near_matches import NearMatches
from cohort_core.store.database import Database
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment, load_roster, load_seen_students
from cohort_core.store.roster_imports import Answer, save_roster
from cohort_core.store.roster_matching import match_lines
from cohort_core.store.stand_ins import load_aliases


def unseen_lines(database: Database, class_id: str) -> list[tuple[Enrolment, Student | None]]:
    """Return the present lines that mean nobody, each with a near match."""
    with database.reading() as connection:
        lines = load_roster(connection, class_id)
        seen = load_seen_students(connection, class_id)
        matches = match_lines(lines, seen, load_aliases(connection, class_id))
    meant = {match.student.id for match in matches if match.student is not None}
    unseen = [line for line, match in zip(lines, matches, strict=True) if match.state == "unseen"]
    near = NearMatches([student for student in seen if student.id not in meant], unseen)
    return [(line, near.near(line)) for line in unseen]


def change_unseen(
    database: Database,
    class_id: str,
    *,
    removed: Iterable[str] = (),
    same: dict[str, str] | None = None,
) -> int:
    """Take lines that mean nobody off the roster, or give them a student.

    Returns how many changed.

    Both by their stand-in ids. The roster of before can be brought back.
    """
    gone, meant = set(removed), same or {}
    with database.reading() as connection:
        before = load_roster(connection, class_id)
    after, answers = [], []
    for line in before:
        stand_in_id = line.stand_in_id or ""
        if stand_in_id in gone:
            answers.append(Answer(line, "leave"))
        elif stand_in_id in meant:
            after.append(replace(line, student_id=meant[stand_in_id]))
            answers.append(Answer(line, "same", meant[stand_in_id]))
        else:
            after.append(line)
    save_roster(database, {class_id: after}, {class_id: answers})
    return len(answers)
