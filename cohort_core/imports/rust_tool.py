"""Moving in from the Rust tool: its classes, people, assignments and records, checked like OpenClass's own.

What it holds may be old or have holes (it never looked at a record twice), so nothing of it counts as a full
sync: the first one here reads everything, and tells as changes what the tool had missed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cohort_core.errors import BadInput
from cohort_core.imports.rust_tool_db import Record, read_rust_tables
from cohort_core.sources.openclass.values import clean_grade, clean_id, clean_instant, clean_text
from cohort_core.store import bulk_load, roster
from cohort_core.store.classes import ListedClass, Unit
from cohort_core.store.database import Database
from cohort_core.store.records import Assignment, Progression, Student
from cohort_core.store.roster import Enrolment, Mentor


@dataclass
class ImportResult:
    """What was taken over, in numbers, and what could not be, with the table, its id and why."""

    classes: int = 0
    students: int = 0
    assignments: int = 0
    progressions: int = 0
    mentors: int = 0
    unusable: list[tuple[str, str, str]] = field(default_factory=list)


def import_rust_db(database: Database, path: Path) -> ImportResult:
    """Take over the tool's data. A class that was synced here already is left as it is.

    Raises ``BadInput`` for a file that is not the tool's; then nothing has changed.
    """
    tables = read_rust_tables(path)
    result = ImportResult()
    taken = {
        "classes": _usable(tables.classes, "classes", _class, result),
        "students": _usable(tables.students, "students", _student, result),
        "assignments": _usable(tables.assignments, "assignments", _assignment, result),
        "progressions": _usable(tables.progressions, "progressions", _progression, result),
    }
    known_here = bulk_load.synced_class_ids(database)
    by_class = {one.listed.id: one for one in taken["classes"] if one.listed.id not in known_here}
    if not by_class:
        raise BadInput(
            "The file has no class that was not synced here already, so there is nothing to take over. Run "
            "`cohort-tracker sync` instead.",
            parameter="rust_db",
        )
    sections: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for class_id, assignment, section in taken["assignments"]:
        if section:
            sections[class_id][section].append(assignment.id)
    rosters: dict[str, list[Enrolment]] = defaultdict(list)
    for class_id, _student_here, enrolment in taken["students"]:
        if class_id in by_class:
            rosters[class_id].append(enrolment)
            result.students += 1
    students = {student.id: student for _, student, _ in taken["students"]}
    assignments = {one.id: one for _, one, _ in taken["assignments"]}
    progressions = []
    for class_id, synced_at, record in taken["progressions"]:
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
        {
            class_id: [Unit(name, tuple(ids)) for name, ids in sections[class_id].items()]
            for class_id in by_class
        },
    )
    roster.save_roster(database, rosters)
    mentors = _usable(tables.mentors, "mentors", _mentor, result)
    if mentors:
        roster.save_mentors(database, mentors)
    result.classes, result.mentors = len(by_class), len(mentors)
    result.progressions = len({(class_id, record.id) for class_id, _, record in progressions})
    result.assignments = len(assignments)
    return result


def _usable(
    rows: list[Record], table: str, read: Callable[[Mapping[str, Any]], Any], result: ImportResult
) -> list[Any]:
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
