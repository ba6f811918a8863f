"""A second source, through the real workspace: oldest record first, without starts, without a network.

It proves that everything but `sources/openclass` depends on `sources/base` alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import ClassVar

import pytest

from cohort_core import sources
from cohort_core.config.paths import Home
from cohort_core.config.settings import save_settings
from cohort_core.reports import catalog
from cohort_core.services.doctor import examine
from cohort_core.services.purge import purge_student
from cohort_core.services.workspace import Workspace
from cohort_core.sources.base import Page, Source, SourceInfo
from cohort_core.sources.values import clean_grade, clean_id, clean_instant
from cohort_core.store import classes
from cohort_core.store.classes import ListedClass, Unit
from cohort_core.store.records import Assignment, BadRow, Progression, Student
from cohort_core.store.sync_runs import Run
from cohort_core.sync import engine

PAGE_SIZE = 2


class Gradebook(Source):
    """Lines of text, oldest first: id, student, assignment, grade and completion, which may be empty."""

    info = SourceInfo(label="Gradebook", required_settings=("email",), is_newest_first=False)
    address = "the desk"
    lines: ClassVar[list[str]] = []

    def close(self) -> None:
        pass

    def log_in(self) -> str:
        self.token = "a token"
        return self.token

    def list_classes(self) -> list[ListedClass]:
        return [ListedClass("c1", None, "A class", None)]

    def load_units(self, class_id: str) -> list[Unit]:
        return [Unit("Week 1", ("a0", "a1"))]

    def load_page(self, class_id: str, number: int) -> Page:
        end = (number + 1) * PAGE_SIZE
        rows, bad_rows, digests = [], [], {}
        for line in self.lines[end - PAGE_SIZE : end]:
            key, student, assignment, grade, completed = line.split(",")
            digests[key] = hash(line)
            try:
                sent = clean_grade(int(grade) if grade.isdecimal() else grade)
                times = (None, clean_instant(completed), None)
                rows.append(Progression(clean_id(key), student, clean_id(assignment), sent, *times))
            except ValueError as problem:
                bad_rows.append(BadRow(key, f"grade {problem}", json.dumps(line)))
        return Page(
            number,
            total=len(self.lines),
            size=PAGE_SIZE,
            can_load_more=end < len(self.lines),
            rows=rows,
            bad_rows=bad_rows,
            students=[Student(name, name.title(), None, None) for name in {row.student_id for row in rows}],
            assignments=[Assignment(name, name, None) for name in {row.assignment_id for row in rows}],
            digests=digests,
            is_contradictory=False,
        )

    @staticmethod
    def read_person(payload: str) -> tuple[str | None, str | None]:
        return json.loads(payload).split(",")[1], None


@pytest.fixture
def gradebook(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace whose only class has eight records; every sync may be incremental."""
    monkeypatch.setattr(sources, "source_class", lambda: Gradebook)
    monkeypatch.setattr(engine, "ALWAYS_FULL_UP_TO_ROWS", 0)
    monkeypatch.setenv("COHORT_PASSWORD", "a password")
    lines = [f"r{n},{'ana' if n < 4 else 'bo'},a{n % 4},80,2026-03-0{n + 1}T10:00Z" for n in range(8)]
    monkeypatch.setattr(Gradebook, "lines", lines)
    save_settings(home, email="mentor@example.org")
    workspace = Workspace(home)
    workspace.refresh_classes()
    classes.set_active(workspace.database, ["c1"], active=True)
    yield workspace
    workspace.stop()


def sync(workspace: Workspace) -> Run:
    (run,) = workspace.prepare_sync(asked_by="test").run().runs
    return run


def test_syncs_see_new_records_at_the_end_and_changes_in_the_middle(gradebook: Workspace) -> None:
    assert gradebook.is_connected()
    first = sync(gradebook)
    assert (first.state, first.is_clean, first.added, first.pages) == ("done", True, 8, 5)
    Gradebook.lines[5] = "r5,bo,a1,60,2026-03-09T10:00Z"
    assert sync(gradebook).changed == 1
    Gradebook.lines.append("r8,cy,a0,100,2026-03-10T10:00Z")
    assert sync(gradebook).added == 1
    last = sync(gradebook)
    assert (last.kind, last.added, last.changed, last.removed) == ("full", 0, 0, 0)


def test_reports_do_without_starts(gradebook: Workspace) -> None:
    sync(gradebook)
    cohort = gradebook.cohorts.cohort("c1")
    assert catalog.completion(cohort).frame["avg_students_per_assignment"].tolist() == [2.0]
    for report in (
        catalog.progress_summary,
        catalog.blockers,
        catalog.student_health,
        catalog.time_to_complete,
    ):
        assert report(cohort).records()


def test_sentences_name_the_source(gradebook: Workspace) -> None:
    sync(gradebook)
    Gradebook.lines[4:] = []
    assert sync(gradebook).error is None
    error = sync(gradebook).error
    assert error is not None
    assert error.startswith("Gradebook no longer has 4 of the 8 records")
    topics = {finding.topic: finding.result for finding in examine(gradebook.home)}
    assert topics["Gradebook"] == "connected at the desk; it lists 1 class"
    assert "OpenClass" not in topics


def test_a_purge_reads_whose_the_bad_rows_are(gradebook: Workspace) -> None:
    Gradebook.lines[0] = "r0,ana,a0,much,2026-03-01T10:00Z"
    assert sync(gradebook).quarantined == 1
    purged = purge_student(gradebook.database, "ana", asked_by="test")
    assert (purged.progressions, purged.quarantined) == (3, 1)
    run = sync(gradebook)
    assert (run.is_clean, run.added, run.quarantined) == (True, 0, 0)
    assert gradebook.set_aside() == []
