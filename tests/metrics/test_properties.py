"""Properties of the reports of any class, and time to complete against statsmodels."""

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
from statsmodels.duration.survfunc import SurvfuncRight  # type: ignore[import-untyped]

from cohort_core.config.thresholds import Thresholds
from cohort_core.metrics.activity import last_activity
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.metrics.durations import observed, time_to_complete
from cohort_core.metrics.groups import group_labels, groups
from cohort_core.metrics.risk import risk
from cohort_core.metrics.triage import class_triage
from cohort_core.reports import catalog
from cohort_core.store.class_data import ClassData

from .random_classes import QUICK, SPRING, classes, instants
from .report_names import ASSIGNMENT_REPORTS, MAIN_REPORTS, OTHER_REPORTS, STUDENT_REPORTS
from .school import Row, data_of, stalled_class, work


def main_reports(class_data: ClassData, as_of: datetime, group: str | None = None) -> Row:
    """Return the main reports by name."""
    made = build(class_data, as_of, group)
    return {name: catalog.REPORTS[name].function(made).records() for name in MAIN_REPORTS}


def everything(class_data: ClassData, as_of: datetime | date, group: str | None = None) -> Row:
    """Return all reports on a class, its first student and its last assignment."""
    made = build(class_data, as_of, group)
    reports: Row = {
        name: catalog.REPORTS[name].function(made).records() for name in (*MAIN_REPORTS, *OTHER_REPORTS)
    }
    if len(made.students):
        student = min(made.students.index)
        reports |= {name: catalog.REPORTS[name].function(made, student).records() for name in STUDENT_REPORTS}
    if len(made.assignments):
        assignment = made.assignments.index[-1]
        reports |= {
            name: catalog.REPORTS[name].function(made, assignment).records() for name in ASSIGNMENT_REPORTS
        }
    reports["triage"] = catalog.triage([made], limit=99).records()
    return reports


def in_units(school: Row) -> Row:
    """Return the class with all assignments in a unit: outside of them the order is that of all work."""
    return {**school, "units": [{"name": "All", "assignments": sorted(assignments_of(school))}]}


def assignments_of(school: Row) -> set[str]:
    inside = {a for unit in school["units"] for a in unit["assignments"]}
    return inside | {row["assignment_id"] for row in school["rows"]}


def known_at(school: Row, as_of: datetime) -> Row:
    """Return the class as upstream had it at that time, but for grades, which decide the scale."""

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
                "reviewed_at": past(row["reviewed_at"]) if completed else None,
            }
        )
    return {**school, "rows": rows}


@settings(QUICK, max_examples=3)
@given(classes(), st.integers(0, 6))
def test_a_class_replayed_week_by_week_never_knows_what_comes(school: Row, hour: int) -> None:
    school = in_units(school)
    class_data = data_of(**school)
    for week in range(1, 9, 3):
        as_of = SPRING + timedelta(weeks=week, hours=hour)
        assert everything(class_data, as_of) == everything(data_of(**known_at(school, as_of)), as_of)


@settings(QUICK, max_examples=5)
@given(classes(), instants, st.randoms(use_true_random=False))
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
@given(classes(), instants)
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
            return {key: back(part) for key, part in value.items()}
        if isinstance(value, list):
            return [back(part) for part in value]
        return value.removeprefix("id-") if isinstance(value, str) else value

    assert back(everything(data_of(**renamed), as_of)) == everything(data_of(**school), as_of)


@settings(QUICK, max_examples=12)
@given(classes(), instants)
def test_rates_stay_between_0_and_1(school: Row, as_of: datetime) -> None:
    made = build(data_of(**school), as_of)
    for name in OTHER_REPORTS:
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
    early = int((made.completed < made.first_moment).sum())
    completed = catalog.student_health(made).frame["completed"].sum()
    assert velocity["completed_in_week"].sum() + early == completed
    stuck = catalog.stuck(made).frame
    assert len(stuck) == catalog.blockers(made).frame["stuck"].sum()
    assert (stuck["days_open"] > stuck["limit_days"]).all()


@QUICK
@given(classes(), instants)
def test_nothing_leaks_from_the_future(school: Row, as_of: datetime) -> None:
    school = in_units(school)
    now = data_of(**school)
    then = data_of(**known_at(school, as_of))
    assert main_reports(now, as_of) == main_reports(then, as_of)


@QUICK
@given(classes(), instants)
def test_rates_stay_in_bounds_and_counts_add_up(school: Row, as_of: datetime) -> None:
    made = build(data_of(**school), as_of)
    for name in MAIN_REPORTS:
        report = catalog.REPORTS[name].function(made)
        for field_name, field in report.row.model_fields.items():
            extra = field.json_schema_extra
            if isinstance(extra, dict) and extra.get("unit") == "0 to 1":
                values = report.frame[field_name].dropna()
                assert values.between(0, 1).all(), field_name
        for row in report.records():
            report.row.model_validate(row)
    summary = catalog.progress_summary(made).record()
    parts = ("completed_count", "in_progress_count", "not_started_count")
    assert sum(summary[part] for part in parts) == summary["total_students"]
    health = catalog.student_health(made).frame
    blockers = catalog.blockers(made).frame
    weeks = catalog.progress_over_time(made).frame
    assert health["completed"].sum() == blockers["completed"].sum()
    early = int((made.completed < made.first_moment).sum())
    assert health["completed"].sum() == weeks["completed_in_week"].sum() + early
    assert health["stuck"].sum() == blockers["stuck"].sum()
    assert health["risk_score"].between(0, 100).all()
    assert (blockers["completed"] + blockers["in_progress"] <= blockers["students_reached"]).all()
    if len(weeks):
        assert weeks["completed"].iloc[-1] == health["completed"].sum()
        assert weeks["in_progress"].iloc[-1] <= health["in_progress"].sum()


@QUICK
@given(classes(), instants)
def test_a_group_keeps_its_students_bands_and_its_counts_sum_to_the_class(
    school: Row, as_of: datetime
) -> None:
    school = {
        **school,
        "roster": [{**r, "night": r["night"] or "Tue", "region": None} for r in school["roster"]],
    }
    listed = {entry["student_id"] for entry in school["roster"]}
    school["rows"] = [row for row in school["rows"] if row["student_id"] in listed]
    class_data = data_of(**school)
    whole = {row["student_id"]: row for row in main_reports(class_data, as_of)["student_health"]}
    seen: dict[str, Row] = {}
    for group in groups(build(class_data)):
        seen |= {
            row["student_id"]: row for row in main_reports(class_data, as_of, group.id)["student_health"]
        }
    assert seen == whole


@QUICK
@given(classes(), instants)
def test_the_groups_and_types_of_a_class_sum_to_it(school: Row, as_of: datetime) -> None:
    class_data = data_of(**school)
    made = build(class_data, as_of)
    completed = catalog.student_health(made).frame["completed"].sum()
    for name in ("by_type", "by_section", "by_weekday", "by_hour", "habits"):
        assert catalog.REPORTS[name].function(made).frame["completed"].sum() == completed, name
    for _, frame in catalog.by_group(made).frame.groupby("kind"):
        assert frame["students"].sum() == len(made.students)
        assert frame["completed"].sum() == completed
    if group_labels(class_data) and len(made.students):
        assert set(catalog.by_group(made).frame["kind"]) == {kind for kind, _ in group_labels(class_data)}
    counts = catalog.grade_distribution(made).frame
    assert counts["count"].sum() == catalog.by_type(made).frame["graded"].sum()
    if counts["count"].sum():
        assert abs(counts["share"].sum() - 1) < 1e-9


def has_ungraded(made: Cohort) -> bool:
    """Return True if an assignment may count as ungraded: nearly all of its grades are full marks."""
    completed = made.records[made.is_completed]
    grades = completed["grade"].where(completed["grade"] >= 0.1).groupby(completed["assignment_id"]).mean()
    return bool((grades.fillna(1.0) >= 0.95).any())


@QUICK
@given(classes(), instants, st.integers(0, 10**6))
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
        other
        for other in school["rows"]
        if (other["student_id"], other["assignment_id"]) != (student, assignment)
    ]
    row |= {"completed_at": moment.tz_convert("UTC").isoformat(), "first_name": "x"}
    like = next((other for other in school["rows"] if other["assignment_id"] == assignment), row)
    row |= {"name": like["name"], "type": like["type"]}
    after = build(data_of(**{**school, "rows": [*others, row]}), as_of)
    assert set(after.students.index) >= {student}
    if has_ungraded(made) or has_ungraded(after):
        # A lesson that counts little still adds to the evidence, which can raise a score.
        return
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
        row = work(f"s{n}", "a1", str(started)[:16], str(completed)[:16] if completed else None)
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
    # The same class data gives the same reports, whatever the time is.
    class_data = stalled_class().class_data
    assert everything(class_data, date(2025, 4, 6)) == everything(class_data, date(2025, 4, 6))


@settings(QUICK)
@given(classes(), instants)
def test_every_row_of_triage_names_the_fact_that_decides_its_group(school: Row, as_of: datetime) -> None:
    for cooling_days in (3, 7, 12):
        cohort = build(
            data_of(**school), as_of, thresholds=Thresholds(cooling_days=cooling_days, quiet_days=14)
        )
        silent = last_activity(cohort)["days_silent"]
        for entry in class_triage(cohort).entries:
            if entry.student_id is None:
                continue
            days = -1 if pd.isna(silent[entry.student_id]) else silent[entry.student_id]
            facts = {
                "never_started": ["nothing started"],
                "slipping": [
                    "a week ago, now",
                    "since this week",
                    *([f"silent for {days:.0f} days"] if 7 <= days <= 21 else []),
                ],
                "far_behind": ["behind the class"],
                "silent": ["silent for", "stuck in"],
            }[entry.urgency]
            assert any(fact in entry.brief for fact in facts), entry
