"""Import of the Rust tool's data, which is checked like the data of OpenClass.

Its data may be old or incomplete, as the tool never looked at a record twice. So the import does not count
as a full sync: the first sync here reads everything, and reports as changes what the tool had missed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from cohort_core.errors import BadInput
from cohort_core.imports.rust_tool_db import Record, RustTables, read_rust_tables
from cohort_core.sources.values import clean_grade, clean_id, clean_instant, clean_text
from cohort_core.store import bulk_load, roster
from cohort_core.store.classes import ListedClass, Unit
from cohort_core.store.database import Database, utc_text
from cohort_core.store.records import Assignment, Progression, Student
from cohort_core.store.roster import Mentor

T = TypeVar("T")


@dataclass
class ImportResult:
    """The number of rows taken over, and the unusable rows: table, id and reason.

    ``groups`` are students whose night or region is kept, ``known_classes`` those that were synced here
    already, of which only groups were taken. ``has_sections`` is False for files of before 2026-01-14.
    """

    classes: int = 0
    students: int = 0
    assignments: int = 0
    progressions: int = 0
    mentors: int = 0
    groups: int = 0
    known_classes: int = 0
    has_sections: bool = True
    unusable: list[tuple[str, str, str]] = field(default_factory=list)

    def reasons(self) -> list[str]:
        """Return each reason once for each table, with its count.

        The most frequent comes first.
        """
        counts = Counter((table, reason) for table, _, reason in self.unusable)
        return [f"{number} of {table}: {reason}" for (table, reason), number in counts.most_common()]


def import_rust_db(database: Database, path: Path) -> ImportResult:
    """Take over the tool's data, except for classes that were synced here already.

    Of these only night and region of their students are kept. Nobody is enrolled: students are those with
    records, since the tool never removed anybody. Raises ``BadInput`` for a file that is not from the tool
    or of which nothing can be used, and ``DatabaseBusy``; then nothing has changed.
    """
    tables = read_rust_tables(path)
    result = ImportResult(has_sections=any(row["section"] is not None for row in tables.assignments))
    taken = _Taken(
        _usable(tables.classes, "classes", _class, result),
        _usable(tables.students, "students", _student, result),
        _usable(tables.assignments, "assignments", _assignment, result),
        _usable(tables.progressions, "progressions", _progression, result),
    )
    groups = _groups(taken)
    _refuse_useless(path, tables, taken, groups, result)
    synced_here = bulk_load.synced_class_ids(database)
    by_class = {
        entry.listed.id: _with_last_sync(entry, taken)
        for entry in taken.classes
        if entry.listed.id not in synced_here
    }
    result.known_classes = len(taken.classes) - len(by_class)
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
    if by_class:
        seen = {record.student_id for _, _, record in progressions}
        used = {record.assignment_id for _, _, record in progressions}
        used |= {assignment.id for class_id, assignment, _ in taken.assignments if class_id in by_class}
        bulk_load.save_classes(
            database,
            list(by_class.values()),
            [student for student in students.values() if student.id in seen],
            [assignment for assignment in assignments.values() if assignment.id in used],
            progressions,
            _units(taken, by_class),
        )
        result.students, result.assignments = len(seen), len(used)
    result.groups = bulk_load.save_imported_groups(database, groups)
    mentors = _usable(tables.mentors, "mentors", _mentor, result)
    if not by_class and not result.groups:
        raise BadInput(
            "The file has no class that was not synced here already, and nothing new about the others, "
            "so there is nothing to take over. Run `cohort-tracker sync` instead.",
            parameter="rust_db",
        )
    if mentors:
        roster.save_mentors(database, mentors)
    result.classes, result.mentors = len(by_class), len(mentors)
    result.progressions = len({(class_id, record.id) for class_id, _, record in progressions})
    return result


def _refuse_useless(
    path: Path, tables: RustTables, taken: _Taken, groups: Mapping[Any, Any], result: ImportResult
) -> None:
    """Raise ``BadInput`` if the file is empty, or if nothing in it can be used."""
    if not (tables.classes and (tables.progressions or groups)):
        raise BadInput(
            f"{path} is empty: the tool has not read anything from OpenClass yet. Run `cohort-tracker "
            f"sync` instead.",
            parameter="rust_db",
        )
    if not taken.classes or (tables.progressions and not taken.progressions):
        raise BadInput(
            f"Nothing in {path} can be used: {'; '.join(result.reasons())}. Nothing was changed. Run "
            "`cohort-tracker sync` instead, which reads everything from OpenClass.",
            parameter="rust_db",
        )


@dataclass(frozen=True)
class _Taken:
    """The usable rows of the tool, each with the id of its class in front."""

    classes: list[bulk_load.ImportedClass]
    students: list[tuple[str, Student, bulk_load.Group]]
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


def _groups(taken: _Taken) -> dict[tuple[str, str], bulk_load.Group]:
    """Return night and region by class id and student id, of students who have either."""
    return {(class_id, student.id): group for class_id, student, group in taken.students if any(group)}


def _with_last_sync(entry: bulk_load.ImportedClass, taken: _Taken) -> bulk_load.ImportedClass:
    """Give a class without a time the time of its latest record."""
    if entry.synced_at:
        return entry
    times = [at for class_id, at, _ in taken.progressions if class_id == entry.listed.id and at]
    return replace(entry, synced_at=max(times, default=None))


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
    return bulk_load.ImportedClass(listed, _is_true(row["is_active"]), _sync_time(row["synced_at"]))


def _student(row: Mapping[str, Any]) -> tuple[str, Student, bulk_load.Group]:
    student = Student(
        clean_id(row["id"]),
        clean_text(row["first_name"]),
        clean_text(row["last_name"]),
        clean_text(row["email"]),
    )
    return clean_id(row["class_id"]), student, (clean_text(row["night"]), clean_text(row["region"]))


def _assignment(row: Mapping[str, Any]) -> tuple[str, Assignment, str | None]:
    assignment = Assignment(clean_id(row["id"]), clean_text(row["name"]), clean_text(row["type"]))
    return clean_id(row["class_id"]), assignment, clean_text(row["section"])


def _progression(row: Mapping[str, Any]) -> tuple[str, str | None, Progression]:
    record = Progression(
        clean_id(row["id"]),
        clean_id(row["student_id"]),
        clean_id(row["assignment_id"]),
        clean_grade(row["grade"]),
        clean_instant(row["started_at"]),
        clean_instant(row["completed_at"]),
        clean_instant(row["reviewed_at"]),
    )
    return clean_id(row["class_id"]), _sync_time(row["synced_at"]), record


def _is_true(value: Any) -> bool:
    return str(value).casefold() not in {"0", "false", "none", ""}


def _sync_time(value: Any) -> str | None:
    """Convert the time of a sync to UTC text.

    The tool writes Unix seconds into a column of text.
    """
    text = str(value).strip()
    if re.fullmatch(r"[0-9]{9,11}(\.[0-9]+)?", text):
        return utc_text(datetime.fromtimestamp(float(text), UTC))
    return clean_instant(text if value is not None else None)


def _mentor(row: Mapping[str, Any]) -> Mentor:
    return Mentor(clean_id(row["name"]), clean_text(row["night"]))
