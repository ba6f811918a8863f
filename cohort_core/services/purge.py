"""Purging a person: the store removes the records, the source reads whose they are."""

from __future__ import annotations

from cohort_core import sources
from cohort_core.store import purge
from cohort_core.store.database import Database


def purge_student(database: Database, student_id: str, *, asked_by: str) -> purge.Purged:
    """Remove a student from the database for good, as `store.purge.purge_student` does.

    The caller must hold the sync lock. Raises ``BadInput`` if nobody has this id.
    """
    read_person = sources.source_class().read_person
    return purge.purge_student(database, student_id, read_person=read_person, asked_by=asked_by)
