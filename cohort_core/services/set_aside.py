"""The records that were set aside, with the student and the assignment that they name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from cohort_core import sources
from cohort_core.config.paths import Home
from cohort_core.display_names import email_name, full_name
from cohort_core.services.anonymizer import Pseudonyms, load_key
from cohort_core.store.database import Database
from cohort_core.store.sync_runs import load_quarantine

if TYPE_CHECKING:
    from cohort_core.services.cohorts import Cohorts


@dataclass(frozen=True)
class SetAsideRecord:
    """A record that cannot be used.

    Student and assignment are None where it does not tell.
    """

    class_id: str
    id: str
    reason: str
    student_id: str | None
    student: str | None
    assignment_id: str | None
    assignment: str | None
    first_seen_at: str
    last_seen_at: str

    @property
    def subject(self) -> str:
        """The names of the student and the assignment, empty without both."""
        return ", ".join(filter(None, (self.student, self.assignment)))


def load_set_aside(
    home: Home, database: Database, cohorts: Cohorts, class_id: str | None, *, anonymous: bool
) -> list[SetAsideRecord]:
    """Load the records set aside, of one class or all, the latest first.

    Names are those of the class, else those in the record. With pseudonyms, people who are not in the
    class stay unnamed.
    """
    pseudonyms = Pseudonyms(load_key(home)) if anonymous else None
    read_subject = sources.source_class().read_subject

    @cache
    def names(of_class: str) -> tuple[dict[str, str], dict[str, str]]:
        from cohort_core.metrics.cohort import names_of_all

        data = cohorts.class_data(of_class, anonymous=anonymous)
        people, course = names_of_all(data), data.assignments
        return (
            dict(zip(people.index, people, strict=True)),
            dict(zip(course["assignment_id"], course["name"], strict=True)),
        )

    records = []
    for item in load_quarantine(database, class_id):
        student, assignment = read_subject(item.payload)
        people, titles = names(item.class_id)
        student_id = student.id if student else None
        if pseudonyms and student_id:
            student_id = pseudonyms.student_id(student_id)
            student_id = student_id if student_id in people else None
        name = people.get(student_id or "")
        if student and not name and not pseudonyms:
            name = full_name(student.first_name, student.last_name) or email_name(student.email)
        records.append(
            SetAsideRecord(
                class_id=item.class_id,
                id=pseudonyms.record_id(item.id) if pseudonyms else item.id,
                reason=item.reason,
                student_id=student_id or None,
                student=name,
                assignment_id=(assignment.id or None) if assignment else None,
                assignment=titles.get(assignment.id, assignment.name) if assignment else None,
                first_seen_at=item.first_seen_at,
                last_seen_at=item.last_seen_at,
            )
        )
    return records
