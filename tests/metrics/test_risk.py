"""The risk score against the numbers of real classes, and the rules that it keeps."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from cohort_core.metrics.cohort import build
from cohort_core.metrics.risk import PARTS, risk

from .school import data_of, work

ROOT = Path(__file__).parents[2]
START = pd.Timestamp("2025-01-01")


def _on(day: float) -> str:
    return str(START + pd.Timedelta(days=day))


@pytest.mark.parametrize("name", ["golden", "golden_lessons", "golden_early", "golden_only_lessons"])
def test_a_real_class_comes_out_to_six_decimals(name: str) -> None:
    text = (Path(__file__).parent / "data" / f"{name}.json").read_text(encoding="utf-8")
    golden = json.loads(text)
    rows = [
        work(str(s), str(a), _on(day), _on(day), grade, kind="quiz") for s, a, day, grade in golden["done"]
    ]
    roster = [{"student_id": str(s), "first_name": str(s)} for s in golden["students"]]
    class_data = data_of(rows, roster=roster, starts_on="2025-01-01")
    scored = risk(build(class_data, pd.Timestamp(_on(golden["day"]), tz="UTC")))
    assert len(scored) == len(golden["expected"]) == 25
    for student, expected in golden["expected"].items():
        row = scored.loc[student]
        assert row["band"] == expected["band"]
        assert row["score"] == pytest.approx(expected["risk"], abs=1e-6)
        for part in (*PARTS, "gap"):
            assert row[part] == pytest.approx(expected[part], abs=1e-6), part


@pytest.fixture(scope="module")
def validation() -> Any:
    """The benchmark as a module, with its classes."""
    script = ROOT / "benchmarks" / "risk_validation.py"
    names = runpy.run_path(str(script))
    load = names["oulad"].load
    return SimpleNamespace(**names, graded=load(), lessons=load(with_lessons=True))


def test_nine_real_classes_come_out_as_they_did_when_the_score_was_chosen(validation: Any) -> None:
    assert sum(len(course.class_data.students) for course in validation.graded) == 13_529
    table = validation.auc_table(validation.graded, validation.lessons)
    for name, published in validation.PUBLISHED.items():
        assert table[name] == pytest.approx(published, abs=0.001), name
    assert _in_document("auc") == validation.auc_text(table)


def test_the_bands_mean_what_the_documents_say(validation: Any) -> None:
    by_day, ranges = validation.bands(validation.graded)
    assert _in_document("bands") == validation.bands_text(by_day, ranges)
    assert _in_document("bands-lessons") == validation.bands_text(*validation.bands(validation.lessons))


def test_busy_students_who_hand_in_little_do_not_hide(validation: Any) -> None:
    students, lost, without, with_cap = validation.hidden_busy(validation.lessons)
    assert (students, lost, without) == (199, 162, 107)
    assert with_cap == pytest.approx(170, abs=1)
    assert _in_document("hidden") == validation.hidden_text(students, lost, without, with_cap)


def _in_document(name: str) -> str:
    """Return what docs/risk.md has between the marks of that name."""
    document = (ROOT / "docs" / "risk.md").read_text(encoding="utf-8")
    return document.split(f"<!-- {name} -->\n")[1].split("\n<!-- end -->")[0]


def test_two_students_by_hand() -> None:
    # As of day 20 both did a1 (median day 3), only Ana did a2 (day 10), with 0.5.
    rows = [
        work("ana", "a1", None, _on(2), 1.0),
        work("bo", "a1", None, _on(4), None),
        work("ana", "a2", None, _on(10), 0.5),
    ]
    scored = risk(build(data_of(rows, starts_on="2025-01-01"), pd.Timestamp(_on(20), tz="UTC")))
    w1 = 1.0 * (0.25 + 0.75 * 3 / 20)
    w2 = 0.25 * (0.25 + 0.75 * 10 / 20)
    point = 85 / (w1 + w2 + 0.25)
    # Silent for 10 and 16 days, 13 in the middle.
    quiet = 15 * (16 / 13 - 1) / 3
    assert list(scored.loc["ana", list(PARTS)]) == pytest.approx([0, point * w2 * 0.8 * 0.5, 0, 0])
    assert list(scored.loc["bo", list(PARTS)]) == pytest.approx([point * w2, 0, 0, quiet])
    assert scored["gap"].sum() == pytest.approx(0)


def test_placeholder_grades_cost_nothing() -> None:
    rows = [work(f"s{n}", "a1", None, _on(2), 0.0 if n < 2 else 0.8) for n in range(10)]
    cohort = build(data_of(rows, starts_on="2025-01-01"), pd.Timestamp(_on(5), tz="UTC"))
    # Two of ten have a zero: a fifth, so zeros mean "not graded", and get the mean of the others.
    assert risk(cohort)["marks"].nunique() == 1
    rows[1] = work("s1", "a1", None, _on(2), 0.8)
    cohort = build(data_of(rows, starts_on="2025-01-01"), pd.Timestamp(_on(5), tz="UTC"))
    assert risk(cohort)["marks"]["s0"] > risk(cohort)["marks"]["s1"]


def _class_of_four(graded: int, lessons: int, grade: float = 0.9, full: float = 1.0) -> pd.DataFrame:
    """Score four students, as of day 4; all but the last complete everything on day 2.

    Each assignment then weighs .75² · (.25 + .75 · 2/4) = .3515625.
    """
    rows = [
        work(f"s{n}", f"{kind}{a}", None, _on(2), its_grade)
        for n in range(3)
        for kind, many, its_grade in (("graded", graded, grade), ("lesson", lessons, full))
        for a in range(many)
    ]
    class_data = data_of(rows, roster=[{"student_id": "last"}], starts_on="2025-01-01")
    return risk(build(class_data, pd.Timestamp(_on(4), tz="UTC")))


@pytest.mark.parametrize(
    ("graded", "lessons", "lessons_weigh"),
    [
        (4, 1, 0.3515625),  # less than half of A = 1.40625
        (4, 6, 0.703125),  # half of A
        (2, 6, 0.3515625 + 0.296875),  # half of A = .703125, and what A lacks to 1
        (0, 6, 1.0),
        (2, 0, 0.0),
    ],
)
def test_lessons_weigh_half_of_graded_work_at_most(graded: int, lessons: int, lessons_weigh: float) -> None:
    scored = _class_of_four(graded, lessons)
    evidence = 0.3515625 * (graded + lessons)
    all_points = 85 * evidence / (evidence + 0.25)
    assert scored["missing"]["last"] == pytest.approx(all_points)
    # Of graded work the others lose .8 · (1 − .9), of lessons nothing.
    graded_weigh = 0.3515625 * graded
    share = graded_weigh / (graded_weigh + lessons_weigh)
    assert scored["marks"]["s0"] == pytest.approx(all_points * share * 0.08)


def test_an_assignment_is_ungraded_by_its_grades() -> None:
    # At .99 on average it counts as ungraded, below it does not, whatever its type is.
    assert (
        _class_of_four(4, 6, full=0.99)["marks"]["s0"] > 1.3 * _class_of_four(4, 6, full=0.989)["marks"]["s0"]
    )
    full, none = (_class_of_four(4, 6, full=full) for full in (1.0, float("nan")))
    assert full["score"].to_list() == none["score"].to_list()
    placeholders = _class_of_four(4, 6, full=0.0)
    assert placeholders["score"].to_list() == none["score"].to_list()


def test_late_needs_three_completions() -> None:
    rows = [work("a", "a1", None, _on(1)), work("b", "a1", None, _on(9))]
    class_data = data_of(rows, starts_on="2025-01-01")
    assert risk(build(class_data, pd.Timestamp(_on(10), tz="UTC")))["late"].eq(0).all()
    class_data = data_of([*rows, work("c", "a1", None, _on(1))], starts_on="2025-01-01")
    assert risk(build(class_data, pd.Timestamp(_on(10), tz="UTC")))["late"]["b"] > 0


def test_a_class_where_nothing_has_happened_has_no_risk() -> None:
    roster = [{"student_id": f"s{n}"} for n in range(3)]
    scored = risk(build(data_of([], roster=roster, starts_on="2025-01-01"), pd.Timestamp(_on(3), tz="UTC")))
    assert scored["score"].eq(0).all()
    assert scored["band"].eq("low").all()
