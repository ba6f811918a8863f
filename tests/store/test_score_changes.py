"""The first start with a new version of the risk score says how many students it moved, once."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from cohort_core import server
from cohort_core.config.paths import Home
from cohort_core.metrics.risk import risk, risk_before_cap
from cohort_core.practice.school import MemorySchool, Row, progression
from cohort_core.practice.server import Running
from cohort_core.services.principal import DASHBOARD_OWNER
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import set_active
from cohort_core.store.maintenance import backup, restore
from tests.conftest import FAST_RETRIES

_NEW_TABLES = ("band_counts", "score_changes")


def rows() -> Iterator[Row]:
    """Ten students in 4 quizzes and 30 lessons; the first two do every lesson and one quiz."""
    for student in range(10):
        for number in range(34):
            is_quiz = number < 4
            if is_quiz and number > 0 and student < 2:
                continue
            if not is_quiz and student % 3 == 2 and number % 4 == 0:
                continue
            at = f"2026-03-{1 + number % 28:02d}T{student + 8:02d}:00:00.000Z"
            yield progression(
                f"{student}-{number}",
                student=f"s{student}",
                assignment=f"a{number}",
                type="quiz" if is_quiz else "lesson",
                grade=0.8 if is_quiz else 1.0,
                started=at,
                completed=at,
            )


@pytest.fixture
def upgraded(home: Home, school: Running) -> Iterator[Workspace]:
    """A synced class in a database as the version before left it."""
    assert isinstance(school.school, MemorySchool)
    school.school.add_class("Alpha", rows=list(rows()))
    before = Workspace(home, retry_policy=FAST_RETRIES)
    before.connect_to_practice(school.url, asked_by="test")
    set_active(before.database, [status.id for status in before.cohorts.statuses()], active=True)
    before.prepare_sync(asked_by="test").run()
    before.stop()
    with closing(sqlite3.connect(home.database)) as connection, connection:
        for table in _NEW_TABLES:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE classes DROP COLUMN closed_on")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'm007_closed_classes'")
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    yield workspace
    workspace.stop()


def said(workspace: Workspace) -> list[str]:
    return list(server._score_lines(workspace))


def test_the_first_start_says_how_many_students_moved(upgraded: Workspace) -> None:
    cohort = upgraded.cohorts.cohort(upgraded.cohorts.statuses()[0].id)
    moved = int((risk(cohort)["band"] != risk_before_cap(cohort)["band"]).sum())
    assert moved > 0
    assert said(upgraded) == [
        f"The risk score has a new version. By it alone {moved} of 10 students are in another risk band than "
        "before (docs/risk.md)."
    ]
    assert said(upgraded) == []
    # The page shows it until somebody has read it.
    services = Services(upgraded)
    reader = services.reader(DASHBOARD_OWNER)
    change = reader.score_change()
    assert change is not None
    assert (change.version, change.moved, change.students) == (2, moved, 10)
    services.commands(DASHBOARD_OWNER).confirm_score_change()
    assert reader.score_change() is None
    assert said(upgraded) == []


def test_moves_by_the_new_version_are_no_news_of_the_students(upgraded: Workspace) -> None:
    class_id = upgraded.cohorts.statuses()[0].id
    upgraded.prepare_sync(asked_by="test").run()
    assert upgraded.cohorts.changes(class_id).records() == []


def test_a_new_home_has_nothing_to_say(workspace: Workspace, school: Running) -> None:
    assert said(workspace) == []
    assert isinstance(school.school, MemorySchool)
    school.school.add_class("Alpha", rows=list(rows()))
    workspace.connect_to_practice(school.url, asked_by="test")
    set_active(workspace.database, [status.id for status in workspace.cohorts.statuses()], active=True)
    workspace.prepare_sync(asked_by="test").run()
    assert said(workspace) == []
    assert workspace.score_change() is None


def test_a_restored_backup_of_before_says_it_again(upgraded: Workspace) -> None:
    old = upgraded.home.folder / "old.db"
    shutil.copy(upgraded.database.path, old)
    said(upgraded)
    Services(upgraded).commands(DASHBOARD_OWNER).confirm_score_change()
    new = upgraded.home.folder / "new.db"
    backup(upgraded.database, new, asked_by="test")
    restore(upgraded.database, old, asked_by="test")
    assert len(said(upgraded)) == 1
    restore(upgraded.database, new, asked_by="test")
    assert said(upgraded) == []
