"""A home that follows more classes than anybody wants to scroll through."""

from __future__ import annotations

import gc
import weakref

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.services import cohorts
from cohort_core.services.principal import OWNER
from cohort_core.services.reader import Reader
from cohort_core.services.workspace import Workspace
from cohort_core.store import hides
from cohort_core.store.bulk_load import ImportedClass, save_classes
from cohort_core.store.classes import ListedClass, active_class_ids, bump_revision
from cohort_core.store.records import Assignment, Progression, Student
from tests.dashboard.conftest import Use, page

COUNT = 120


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """120 followed classes, each with a student who has done nothing for months, and one who has."""
    workspace = Workspace(Home(tmp_path_factory.mktemp("many") / "home"))
    names = [f"Class {number:03}" for number in range(COUNT)]
    students = [Student(f"{name} {who}", who, None, None) for name in names for who in ("Ada", "Bo")]
    records = [
        Progression(
            f"{name} {who} {day}",
            f"{name} {who}",
            f"work {day}",
            0.9,
            f"2026-{month}-{day:02}T10:00:00.000Z",
            f"2026-{month}-{day:02}T12:00:00.000Z",
            None,
        )
        for name in names
        for who, month in (("Ada", "06"), ("Bo", "09"))
        for day in range(1, 4 if who == "Ada" else 20)
    ]
    save_classes(
        workspace.database,
        [
            ImportedClass(
                ListedClass(name, name.lower().replace(" ", "-"), name, None),
                True,
                "2026-09-20T00:00:00.000Z",
            )
            for name in names
        ],
        students,
        [Assignment(f"work {day}", f"Work {day}", "lesson") for day in range(1, 20)],
        [(record.id[:9], "2026-09-20T00:00:00.000Z", record) for record in records],
        {},
    )
    return workspace


def test_after_a_change_of_one_class_triage_computes_that_one_alone(many: Workspace) -> None:
    reader = Reader(many, OWNER)
    before = reader.class_triages()
    assert len(before) == COUNT > cohorts.MAX_COHORTS
    assert len(reader.triage(limit=1000).frame) == COUNT
    again = reader.class_triages()
    assert all(one_part is another for one_part, another in zip(before, again, strict=True))
    with many.database.writing() as connection:
        bump_revision(connection, "Class 007")
    after = reader.class_triages()
    changed = [new.class_id for new, old in zip(after, before, strict=True) if new is not old]
    assert changed == ["Class 007"]


def test_a_hidden_student_is_left_out_at_once(many: Workspace) -> None:
    reader = Reader(many, OWNER)
    first = reader.triage(limit=1000).frame["student_id"].tolist()
    hides.save_hide(many.database, "Class 100", "Class 100 Ada", "exempt", until=None, now=utc_now())
    assert "Class 100 Ada" in first
    assert reader.triage(limit=1000).frame["student_id"].tolist() == [
        student_id for student_id in first if student_id != "Class 100 Ada"
    ]


def test_counts_follow_every_change(many: Workspace) -> None:
    reader = Reader(many, OWNER)
    before = {status.id: status.progressions for status in reader.statuses()}
    with many.database.writing() as connection:
        connection.execute("DELETE FROM progressions WHERE class_id = 'Class 003' AND student_id LIKE '%Bo'")
        bump_revision(connection, "Class 003")
    after = {status.id: status.progressions for status in reader.statuses()}
    assert {name: before[name] - after[name] for name in before if before[name] != after[name]} == {
        "Class 003": 19
    }


def switches(test: AppTest) -> list[str]:
    return [toggle.label for toggle in test.main.toggle]


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.main.button if button.label == label).click().run()


def test_classes_are_searched_paged_and_followed_together(many: Workspace, use: Use) -> None:
    use(many)
    test = page("classes")
    assert switches(test) == [f"Class {number:03}" for number in range(50)]
    test.main.text_input(key="classes-search").set_value("class 11").run()
    assert switches(test) == [f"Class {number}" for number in range(110, 120)]
    press(test, "Follow none of them")
    assert active_class_ids(many.database) == [f"Class {number:03}" for number in range(110)]
    press(test, "Follow all of them")
    assert len(active_class_ids(many.database)) == COUNT
    test.main.text_input(key="classes-search").set_value("nothing").run()
    assert switches(test) == []
    assert "No class has this in its name." in [text.value for text in test.main.markdown]


def test_a_list_of_all_classes_is_not_kept_beside_a_later_one(many: Workspace) -> None:
    """A list of 500 classes takes some megabytes, and every write makes another one."""
    reader = Reader(many, OWNER)
    before = weakref.ref(reader.triage(1000))
    assert before() is reader.triage(1000)
    with many.database.writing() as connection:
        bump_revision(connection, "Class 001")
    reader.triage(1000)
    gc.collect()
    assert before() is None
