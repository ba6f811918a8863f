"""The risk score against the numbers of real classes, and the rules that it keeps."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pandas as pd
import pytest

from cohort_core.metrics.cohort import build
from cohort_core.metrics.risk import PARTS, risk

from .school import data_of, work

START = pd.Timestamp("2025-01-01")


def _on(day: float) -> str:
    return str(START + pd.Timedelta(days=day))


def test_a_real_class_comes_out_to_six_decimals() -> None:
    golden = json.loads((Path(__file__).parent / "data" / "golden.json").read_text(encoding="utf-8"))
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
        for name in (*PARTS, "gap"):
            assert row[name] == pytest.approx(expected[name], abs=1e-6), name


def test_nine_real_classes_come_out_as_they_did_when_the_score_was_chosen() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "risk_validation.py"
    validation = runpy.run_path(str(script))
    classes = validation["load"](script.parent / "data" / "oulad")
    assert sum(len(class_data.students) for class_data, _ in classes) == 13_529
    areas, bands = validation["validate"](classes)
    assert list(areas.loc["this score"]) == pytest.approx([0.714, 0.819, 0.846, 0.877, 0.904], abs=0.002)
    for band, (least, most) in {
        "critical": (0.87, 0.97),
        "high": (0.61, 0.76),
        "medium": (0.33, 0.53),
        "low": (0.10, 0.31),
    }.items():
        assert bands.loc[band, "mean"].between(least - 0.005, most + 0.005).all(), band


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
