"""Students who are only on the roster, and what becomes of their history when they start.

A line has a stand-in id, under which its student is seen, hidden and linked to. When OpenClass has records of
the student, everything kept under it moves to OpenClass's id, and the stand-in id stays as an alias.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from cohort_core.store.classes import bump_revision
from cohort_core.store.roster import load_roster, load_seen_students
from cohort_core.store.roster_matching import match_lines

NOT_KEPT_BY_PEOPLE = frozenset(
    {
        "students",
        "progressions",
        "tombstones",
        "changes",
        "enrolments",
        "earlier_enrolments",
        "roster_answers",
        "student_aliases",
    }
)
"""Tables with a column ``student_id`` that a sync or an import writes. All others hold what people keep about
a student, such as hides."""


def student_tables(connection: sqlite3.Connection) -> list[str]:
    """Return the tables that have a column ``student_id``, by the schema."""
    rows = connection.execute(
        """
        SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
        WHERE m.type = 'table' AND c.name = 'student_id' ORDER BY m.name
        """
    )
    return [row[0] for row in rows]


def kept_tables(connection: sqlite3.Connection) -> list[str]:
    """Return the tables in which people keep something about a student of a class."""
    return [table for table in student_tables(connection) if table not in NOT_KEPT_BY_PEOPLE]


def load_aliases(connection: sqlite3.Connection, class_id: str) -> dict[str, str]:
    """Load the earlier ids of students of a class, each with the present one."""
    rows = connection.execute(
        "SELECT old_id, student_id FROM student_aliases WHERE class_id = ?", (class_id,)
    )
    return {row["old_id"]: row["student_id"] for row in rows}


def move_histories(connection: sqlite3.Connection, class_id: str) -> None:
    """Move what is kept under stand-in ids to the students whom their lines mean now.

    It belongs into the transaction in which records of these students begin to count.
    """
    lines = load_roster(connection, class_id)
    aliases = load_aliases(connection, class_id)
    matches = match_lines(lines, load_seen_students(connection, class_id), aliases) if lines else []
    moves = {
        line.stand_in_id: match.student.id
        for line, match in zip(lines, matches, strict=True)
        if match.state == "matched" and match.student and line.stand_in_id
    }
    save_aliases(connection, class_id, moves.items())


def save_aliases(
    connection: sqlite3.Connection, class_id: str, moves: Iterable[tuple[str | None, str]]
) -> None:
    """Note that these ids mean other ids from now on, and move what is kept under them."""
    aliases = load_aliases(connection, class_id)
    new = [(old, now) for old, now in moves if old and old != now and aliases.get(old) != now]
    if not new:
        return
    connection.executemany(
        "INSERT OR REPLACE INTO student_aliases VALUES (?, ?, ?)", [(class_id, old, now) for old, now in new]
    )
    for table in kept_tables(connection):
        # What is kept under the present id already goes over what was kept under the earlier one.
        connection.executemany(
            f"UPDATE OR IGNORE {table} SET student_id = ? WHERE class_id = ? AND student_id = ?",  # noqa: S608
            [(now, class_id, old) for old, now in new],
        )
        connection.executemany(
            f"DELETE FROM {table} WHERE class_id = ? AND student_id = ?",  # noqa: S608
            [(class_id, old) for old, _ in new],
        )
    bump_revision(connection, class_id)
