"""What holds for every class, and time to complete against a library that others rely on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from cohort_core.metrics.cohort import build
from cohort_core.metrics.durations import observed, time_to_complete
from cohort_core.metrics.risk import risk
from cohort_core.reports import catalog
from cohort_core.store.class_data import ClassData

from .school import Row, data_of, work
from .test_agreement import ANSWERS, QUICK, SPRING, classes, instants_of_asking
from .test_more_reports import CLASSWIDE, OF_ASSIGNMENT, OF_STUDENT, stalled_class


def everything(class_data: ClassData, as_of: datetime, group: str | None = None) -> Row:
    """All that can be asked of a class, its first student and its last assignment."""
    made = build(class_data, as_of, group)
    found: Row = {name: catalog.REPORTS[name].function(made).records() for name in (*ANSWERS, *CLASSWIDE)}
    if len(made.students):
        student = min(made.students.index)
        found |= {name: catalog.REPORTS[name].function(made, student).records() for name in OF_STUDENT}
    if len(made.assignments):
        assignment = made.assignments.index[-1]
        found |= {name: catalog.REPORTS[name].function(made, assignment).records() for name in OF_ASSIGNMENT}
    found["triage"] = catalog.triage([made], limit=99).records()
    return found


def known_at(school: Row, as_of: datetime) -> Row:
    """The class as upstream had it at that time."""

    def past(text: str | None) -> str | None:
        return text if text and datetime.fromisoformat(text) <= as_of else None

    rows = []
    for row in school["rows"]:
        completed = past(row["completed_at"])
        rows.append(
            {
                **row,
                "started_at": past(row["started_at"]),
                "completed_at": completed,
                "grade": row["grade"] if completed else None,
                "reviewed_at": past(row["reviewed_at"]) if completed else None,
            }
        )
    return {**school, "rows": rows}


@settings(QUICK, max_examples=3)
@given(classes(), st.integers(0, 6))
def test_a_class_replayed_week_by_week_never_knows_what_comes(school: Row, hour: int) -> None:
    class_data = data_of(**school)
    for week in range(1, 9, 3):
        as_of = SPRING + timedelta(weeks=week, hours=hour)
        assert everything(class_data, as_of) == everything(data_of(**known_at(school, as_of)), as_of)


@settings(QUICK, max_examples=5)
@given(classes(), instants_of_asking, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(school: Row, as_of: datetime, random: Random) -> None:
    class_data = data_of(**school)
    rows, people = list(range(len(class_data.progressions))), list(range(len(class_data.students)))
    random.shuffle(rows)
    random.shuffle(people)
    shuffled = replace(
        class_data, progressions=class_data.progressions.iloc[rows], students=class_data.students.iloc[people]
    )
    assert everything(class_data, as_of) == everything(shuffled, as_of)


@settings(QUICK, max_examples=5)
@given(classes(), instants_of_asking)
def test_other_ids_change_nothing_but_the_ids(school: Row, as_of: datetime) -> None:
    def other(student: str) -> str:
        # Keeps the order, by which students of the same name are listed.
        return f"id-{student}"

    renamed = {
        **school,
        **{
            part: [{**row, "student_id": other(row["student_id"])} for row in school[part]]
            for part in ("rows", "roster")
        },
    }

    def back(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: back(one) for key, one in value.items()}
        if isinstance(value, list):
            return [back(one) for one in value]
        return value.removeprefix("id-") if isinstance(value, str) else value

    assert back(everything(data_of(**renamed), as_of)) == everything(data_of(**school), as_of)


@settings(QUICK, max_examples=12)
@given(classes(), instants_of_asking)
def test_rates_stay_between_0_and_1(school: Row, as_of: datetime) -> None:
    made = build(data_of(**school), as_of)
    for name in CLASSWIDE:
        report = catalog.REPORTS[name].function(made)
        for field_name, field in report.row.model_fields.items():
            extra = field.json_schema_extra
            if isinstance(extra, dict) and extra.get("unit") == "0 to 1":
                values = report.frame[field_name].dropna()
                assert values.between(0, 1).all(), (name, field_name)
    for assignment in made.assignments.index:
        share = catalog.assignment_durations(made, assignment).frame["finished_share"]
        assert share.between(0, 1).all()
        assert share.is_monotonic_increasing
    velocity = catalog.velocity(made).frame
    assert velocity["completed_in_week"].sum() == catalog.student_health(made).frame["completed"].sum()
    stuck = catalog.stuck(made).frame
    assert len(stuck) == catalog.blockers(made).frame["stuck"].sum()
    assert (stuck["days_open"] > stuck["limit_days"]).all()


@QUICK
@given(classes(), instants_of_asking, st.integers(0, 10**6))
def test_one_more_completion_in_time_with_full_marks_never_raises_a_score(
    school: Row, as_of: datetime, which: int
) -> None:
    school = {**school, "starts_on": "2025-03-01"}
    made = build(data_of(**school), as_of)
    completed = made.records[made.is_completed]
    done = set(zip(completed["student_id"], completed["assignment_id"], strict=True))
    open_ = [(s, a) for s in made.students.index for a in made.assignments.index if (s, a) not in done]
    if not open_:
        return
    student, assignment = open_[which % len(open_)]
    theirs = completed.loc[completed["assignment_id"] == assignment, "completed_at"].sort_values()
    # No later than half of those who have completed it; anyone may be the first.
    latest = theirs.iloc[(len(theirs) - 1) // 2] if len(theirs) else pd.Timestamp(as_of)
    moment = max(latest - timedelta(days=which % 3), pd.Timestamp("2025-03-01", tz=school["timezone"]))
    if moment > latest or latest < pd.Timestamp("2025-03-01", tz=school["timezone"]):
        return
    row = work(student, assignment, None, "2025-03-01 00:00", 1.0)
    others = [
        one for one in school["rows"] if (one["student_id"], one["assignment_id"]) != (student, assignment)
    ]
    row |= {"completed_at": moment.tz_convert("UTC").isoformat(), "first_name": "x"}
    known = next((one for one in school["rows"] if one["assignment_id"] == assignment), row)
    row |= {"name": known["name"], "type": known["type"]}
    after = build(data_of(**{**school, "rows": [*others, row]}), as_of)
    assert set(after.students.index) >= {student}
    assert risk(after).loc[student, "score"] <= risk(made).loc[student, "score"] + 1e-6


@QUICK
@given(st.integers(0, 2**32))
def test_time_to_complete_agrees_with_statsmodels(seed: int) -> None:
    random = Random(seed)
    now = SPRING + timedelta(days=60)
    rows = []
    for n in range(random.choice([1, 2, 5, 20, 60])):
        started = SPRING + timedelta(hours=random.randrange(24 * 40))
        # Whole hours, so that ties between the done and the open are common.
        took = timedelta(hours=random.choice([random.randrange(1, 30), random.randrange(1, 24 * 59)]))
        completed = started + took if started + took <= now and random.random() < 0.7 else None
        row = work(f"s{n}", "a1", str(started)[:16], completed and str(completed)[:16])
        rows.append(row)
    made = build(data_of(rows), now)
    seen = observed(made)
    library = SurvfuncRight(seen["days"], seen["finished"].astype(int))
    curve = catalog.assignment_durations(made, "a1").frame
    kept = library.n_events > 0
    assert list(curve["days"]) == pytest.approx(list(library.surv_times[kept]))
    assert list(1 - curve["finished_share"]) == pytest.approx(list(library.surv_prob[kept]))
    assert list(curve["at_risk"]) == list(library.n_risk[kept])

    times = time_to_complete(made).iloc[0]
    for column, share in (("median_days", 0.5), ("p80_days", 0.8)):
        # A share that is reached exactly is reached, whatever the last bit of a product says.
        reached = library.surv_times[(library.surv_prob <= 1 - share + 1e-9) & kept]
        expected = reached[0] if len(reached) else np.nan
        assert times[column] == pytest.approx(expected, nan_ok=True)


def test_the_clock_is_never_asked() -> None:
    # The same facts give the same answers, whenever they are asked.
    class_data = stalled_class().class_data
    assert everything(class_data, date(2025, 4, 6)) == everything(class_data, date(2025, 4, 6))
