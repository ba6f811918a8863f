"""Import of the Rust tool's data, which is checked like the data of OpenClass.

Its data may be old or incomplete, as the tool never looked at a record twice. So the import does not count
as a full sync: the first sync here reads everything, and reports as changes what the tool had missed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cohort_core.errors import BadInput
from cohort_core.imports.rust_tool_db import Record, read_rust_tables
from cohort_core.sources.values import clean_grade, clean_id, clean_instant, clean_text
from cohort_core.store import bulk_load, roster, roster_imports
from cohort_core.store.classes import ListedClass, Unit
from cohort_core.store.database import Database
from cohort_core.store.records import Assignment, Progression, Student
from cohort_core.store.roster import Enrolment, Mentor

T = TypeVar("T")


@dataclass
class ImportResult:
    """The number of rows taken over, and the unusable rows: table, id and reason."""

    classes: int = 0
    students: int = 0
    assignments: int = 0
    progressions: int = 0
    mentors: int = 0
    unusable: list[tuple[str, str, str]] = field(default_factory=list)


def import_rust_db(database: Database, path: Path) -> ImportResult:
    """Take over the tool's data, except for classes that were synced here already.

    Raises ``BadInput`` for a file that is not from the tool; then nothing has changed.
    """
    tables = read_rust_tables(path)
    result = ImportResult()
    taken = _Taken(
        _usable(tables.classes, "classes", _class, result),
        _usable(tables.students, "students", _student, result),
        _usable(tables.assignments, "assignments", _assignment, result),
        _usable(tables.progressions, "progressions", _progression, result),
    )
    synced_here = bulk_load.synced_class_ids(database)
    by_class = {entry.listed.id: entry for entry in taken.classes if entry.listed.id not in synced_here}
    if not by_class:
        raise BadInput(
            "The file has no class that was not synced here already, so there is nothing to take over. Run "
            "`cohort-tracker sync` instead.",
            parameter="rust_db",
        )
    students = {student.id: student for _, student, _ in taken.students}
    assignments = {assignment.id: assignment for _, assignment, _ in taken.assignments}
    progressions = []
    for class_id, synced_at, record in taken.progressions:
        if class_id not in by_class:
            continue
        if record.student_id not in students or record.assignment_id not in assignments:
            result.unusable.append(
                ("progressions", record.id, "names a student or assignment that is not there")
            )
            continue
        progressions.append((class_id, synced_at, record))
    bulk_load.save_classes(
        database,
        list(by_class.values()),
        list(students.values()),
        list(assignments.values()),
        progressions,
        _units(taken, by_class),
    )
    rosters = _rosters(taken, by_class)
    roster_imports.save_roster(database, rosters)
    mentors = _usable(tables.mentors, "mentors", _mentor, result)
    if mentors:
        roster.save_mentors(database, mentors)
    result.classes, result.mentors = len(by_class), len(mentors)
    result.students = sum(map(len, rosters.values()))
    result.progressions = len({(class_id, record.id) for class_id, _, record in progressions})
    result.assignments = len(assignments)
    return result


@dataclass(frozen=True)
class _Taken:
    """The usable rows of the tool, each with the id of its class in front."""

    classes: list[bulk_load.ImportedClass]
    students: list[tuple[str, Student, Enrolment]]
    assignments: list[tuple[str, Assignment, str | None]]
    progressions: list[tuple[str, str | None, Progression]]


def _units(taken: _Taken, class_ids: Iterable[str]) -> dict[str, list[Unit]]:
    """Make the units of each class from the sections of its assignments."""
    sections: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for class_id, assignment, section in taken.assignments:
        if section:
            sections[class_id][section].append(assignment.id)
    return {
        class_id: [Unit(name, tuple(ids)) for name, ids in sections[class_id].items()]
        for class_id in class_ids
    }


def _rosters(taken: _Taken, class_ids: Container[str]) -> dict[str, list[Enrolment]]:
    rosters: dict[str, list[Enrolment]] = defaultdict(list)
    for class_id, _, enrolment in taken.students:
        if class_id in class_ids:
            rosters[class_id].append(enrolment)
    return rosters


def _usable(
    rows: list[Record], table: str, read: Callable[[Mapping[str, Any]], T], result: ImportResult
) -> list[T]:
    """Read the rows of a table, and add unusable rows to the result."""
    used = []
    for row in rows:
        try:
            used.append(read(row))
        except ValueError as problem:
            result.unusable.append((table, str(row["id"]), str(problem)))
    return used


def _class(row: Mapping[str, Any]) -> bulk_load.ImportedClass:
    class_id = clean_id(row["id"])
    friendly_id = clean_text(row["friendly_id"])
    listed = ListedClass(class_id, friendly_id, clean_text(row["name"]) or friendly_id or class_id, None)
    return bulk_load.ImportedClass(listed, bool(row["is_active"]), clean_instant(row["synced_at"]))


def _student(row: Mapping[str, Any]) -> tuple[str, Student, Enrolment]:
    student = Student(
        clean_id(row["id"]),
        clean_text(row["first_name"]),
        clean_text(row["last_name"]),
        clean_text(row["email"]),
    )
    enrolment = Enrolment(
        student_id=student.id,
        email=student.email,
        first_name=student.first_name,
        last_name=student.last_name,
        night=clean_text(row["night"]),
        region=clean_text(row["region"]),
    )
    return clean_id(row["class_id"]), student, enrolment


def _assignment(row: Mapping[str, Any]) -> tuple[str, Assignment, str | None]:
    assignment = Assignment(clean_id(row["id"]), clean_text(row["name"]), clean_text(row["type"]))
    return clean_id(row["class_id"]), assignment, clean_text(row["section"])


def _progression(row: Mapping[str, Any]) -> tuple[str, str | None, Progression]:
    grade, raw_grade = clean_grade(row["grade"])
    record = Progression(
        clean_id(row["id"]),
        clean_id(row["student_id"]),
        clean_id(row["assignment_id"]),
        grade,
        clean_instant(row["started_at"]),
        clean_instant(row["completed_at"]),
        clean_instant(row["reviewed_at"]),
        raw_grade,
    )
    return clean_id(row["class_id"]), clean_instant(row["synced_at"]), record


def _mentor(row: Mapping[str, Any]) -> Mentor:
    return Mentor(clean_id(row["name"]), clean_text(row["night"]))
