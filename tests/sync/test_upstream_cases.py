"""The odd classes of `tests/cases/upstream`, and more, from a file over HTTP to the reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from cohort_core.api.app import create_app
from cohort_core.practice.school_file import FileSchool
from cohort_core.practice.server import running
from cohort_core.reports import catalog
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import set_active
from tests.cases.upstream import base_class
from tests.cases.upstream.base_class import Row
from tests.cases.upstream.odd_classes import first_quiz, odd_class
from tests.conftest import sample, serving


@pytest.fixture
def synced(workspace: Workspace, tmp_path: Path) -> Callable[..., str]:
    """Return a function that syncs classes from a file, and returns the id of the first."""

    def sync(*classes: Any) -> str:
        path = tmp_path / "data.json"
        base_class.write(list(classes), path)
        with running(FileSchool(path)) as server:
            listed = workspace.connect_to_practice(server.url, asked_by="test")
            set_active(workspace.database, [item.id for item in listed], active=True)
            job = workspace.prepare_sync(asked_by="test").run()
        assert [run.error for run in job.runs] == [None] * len(listed)
        return listed[0].id

    return sync


def rows(workspace: Workspace, name: str, class_id: str, **more: Any) -> list[Row]:
    report = catalog.REPORTS[name]
    if report.scope == "data":
        return report.function(workspace.cohorts.class_data(class_id), **more).records()
    return report.function(workspace.cohorts.cohort(class_id), **more).records()


def graded(grades: list[Any]) -> Row:
    """Return the class of eight with these grades for its first quiz."""
    item = base_class.base_class()
    for row, grade in zip(first_quiz(item), grades, strict=True):
        row["grade"] = grade
    return item


@pytest.mark.parametrize(
    ("grades", "scale", "shares"),
    [
        ([1.0000001, 0.9, 1, 0.8, 0.7, 1, 1, 1], "share", [1, 0.9, 1, 0.8, 0.7, 1, 1, 1]),
        ([1.05, 0.9, 1, 0.8, 0.7, 1, 1, 1], "share_with_bonus", [1.05, 0.9, 1, 0.8, 0.7, 1, 1, 1]),
        ([85, 90.5, 1, 100, 0, 60, 70, 75], "percent", [0.85, 0.905, 0.01, 1, 0, 0.6, 0.7, 0.75]),
        ([85, 90, 0.8, 0.9, 70, 60, 70, 75], "unclear", [0.85, 0.9, None, None, 0.7, 0.6, 0.7, 0.75]),
        ([1.05, 1.1, 0.9, 0.95, 0.85, 1, 0.8, 0.9], "unclear", [None, None, 0.9, 0.95, 0.85, 1, 0.8, 0.9]),
    ],
    ids=["share", "bonus", "percent", "unclear", "two of eight with a bonus"],
)
def test_the_assignment_decides_the_scale(
    synced: Callable[..., str], workspace: Workspace, grades: list[Any], scale: str, shares: list[Any]
) -> None:
    class_id = synced(graded(grades))
    quiz = base_class.ASSIGNMENT_IDS[3]
    records = rows(workspace, "progressions", class_id, assignment_id=quiz)
    by_student = {row["student_id"]: (row["grade"], row["raw_grade"]) for row in records}
    assert [by_student[student] for student in base_class.STUDENT_IDS] == [
        (None if share is None else pytest.approx(share), grade)
        for share, grade in zip(shares, grades, strict=True)
    ]
    [row] = [row for row in rows(workspace, "blockers", class_id) if row["assignment_id"] == quiz]
    counted = [min(share, 1) for share in shares if share is not None]
    assert row["avg_grade"] == pytest.approx(sum(counted) / len(counted))
    assert (row["grade_scale"], row["grades_left_out"]) == (scale, shares.count(None))
    assert len(row["left_out_students"]) == shares.count(None)


def test_an_odd_class_has_the_order_names_and_types_of_its_work(
    synced: Callable[..., str], workspace: Workspace
) -> None:
    names = ("unitsnull", "unitmove", "types", "names", "twoids", "nulls")
    classes = {name: odd_class(name) for name in names}
    synced(*classes.values())
    course = {name: rows(workspace, "assignments", item["id"]) for name, item in classes.items()}
    usual = [base_class.assignment(place)["name"] for place in range(12)]
    assert [row["name"] for row in course["unitsnull"]] == usual
    assert [row["name"] for row in course["unitmove"]] == [*usual, "Unit 8, assignment 1"]
    assert {row["type"] for row in course["types"]} == {"lesson", "Quiz", "project"}
    people = {name: rows(workspace, "students", item["id"]) for name, item in classes.items()}
    assert {row["name"] for row in people["names"]} >= {"Ann Marie O'Neil", "jo.smith1", "jo.smith2"}
    twins = [row for row in people["twoids"] if row["first_name"] == "Amara"]
    assert sorted(row["name"] for row in twins) == [
        "Amara Okonjo-Bright (amara.new)",
        "Amara Okonjo-Bright (amara.okonjo)",
    ]
    assert [row["same_name_ids"] for row in twins] == [[twins[1]["id"]], [twins[0]["id"]]]
    set_aside = workspace.set_aside(classes["nulls"]["id"])
    assert {(record.student, record.assignment) for record in set_aside} == {
        (None, "Lesson 1: topic 1"),
        ("Amara Okonjo-Bright", None),
        ("Amara Okonjo-Bright", "Lesson 3: topic 3"),
    }
    anonymous = workspace.set_aside(classes["nulls"]["id"], anonymous=True)
    assert "Amara" not in str(anonymous)


def test_a_bad_entry_costs_itself_alone(synced: Callable[..., str], workspace: Workspace) -> None:
    item = base_class.base_class()
    item["units"][0]["assignments"].insert(1, None)
    item["units"][1] = None
    item["units"][2]["assignments"] = [5, {"id": "x"}, *item["units"][2]["assignments"]]
    item["units"][3]["name"] = {"en": "Week 4"}
    item["units"][4]["assignments"] = "none"
    odd = [{"id": None, "name": "No id"}, 7, {"id": 12, "name": "A number"}, {"id": "x" * 201}]
    class_id = synced(item, *odd)
    sections = [row["section"] for row in rows(workspace, "assignments", class_id)]
    assert sections[:7] == ["Week 1"] * 2 + ["Week 3"] * 2 + ["Unit 4"] * 2 + ["Week 6"]
    assert len(workspace.cohorts.statuses()) == 1


def test_the_epoch_is_no_time_and_text_has_limits(synced: Callable[..., str], workspace: Workspace) -> None:
    item = base_class.base_class()
    first, second, third, fourth, fifth = item["progressions"][:5]
    first["started_assignment_at"] = "1970-01-01T00:00:00Z"
    second["started_assignment_at"] = "1970-01-01T01:00:00+01:00"
    third["reviewed_at"] = 0
    fourth["_id"]["$oid"] = "é" * 101
    fifth["assignment"] = {**fifth["assignment"], "name": "N" * 5_000_000}
    class_id = synced(item)
    held = {row["id"]: row for row in rows(workspace, "progressions", class_id)}
    assert held[first["_id"]["$oid"]]["started_at"] is None
    assert held[second["_id"]["$oid"]]["started_at"] is None
    assert held[third["_id"]["$oid"]]["reviewed_at"] is None
    [record] = workspace.set_aside(class_id)
    assert "_id is longer than 200 bytes" in record.reason
    assert max(len(row["name"]) for row in rows(workspace, "assignments", class_id)) <= 200
    assert str(workspace.cohorts.cohort(class_id).starts_at) == "2026-10-16 00:00:00+00:00"


ODD_IDS = ["a/b", "a?b", "100%", "#1", "with space", "..", "ünï", "a%2Fb", "x.csv", 'q"&+;', "a\\b"]


@pytest.mark.parametrize("identity", sample(ODD_IDS, 4))
def test_an_id_of_any_form_has_a_path(
    synced: Callable[..., str], workspace: Workspace, identity: str
) -> None:
    item = base_class.base_class()
    for row in item["progressions"]:
        if row["user"]["id"] == base_class.STUDENT_IDS[0]:
            row["user"]["id"] = identity
        if row["assignment"]["id"] == base_class.ASSIGNMENT_IDS[0]:
            row["assignment"]["id"] = identity
    item["id"] = f"class {identity}"
    item["friendly_id"] = None
    class_id = synced(item)
    with serving(create_app(workspace)) as url, requests.Session() as client:
        base = f"{url}/classes/{quote(class_id, safe='')}"
        # Once where a path can hold it, else twice.
        once, twice = quote(identity, safe=""), quote(quote(identity, safe=""), safe="").replace(".", "%252E")
        for part in [twice] if identity in {"..", "x.csv"} else [once, twice]:
            answer = client.get(f"{base}/students/{part}", timeout=10)
            assert (answer.status_code, answer.json().get("student_id")) == (200, identity), part
            for path in (
                f"students/{part}/timeline",
                f"assignments/{part}/students",
                "students.csv",
                "students.xlsx",
            ):
                assert client.get(f"{base}/{path}", timeout=10).status_code == 200, (part, path)
            hide = client.put(f"{base}/students/{part}/mark", json={"kind": "exempt"}, timeout=10)
            assert hide.status_code == 204, hide.text
