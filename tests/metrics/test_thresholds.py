"""Other thresholds sort the same numbers anew, in every report alike."""

from __future__ import annotations

import pytest

from cohort_core.config.thresholds import DEFAULTS, Thresholds
from cohort_core.metrics.cohort import Cohort, build, judged_by
from cohort_core.reports import catalog
from cohort_core.store.class_data import ClassData
from tests.metrics.school import data_of, work

OTHERS = Thresholds(
    critical_gap=20.0,
    high_gap=7.5,
    medium_gap=0.5,
    stuck_days=3,
    cooling_days=3,
    quiet_days=9,
    gone_days=21,
    least_ranked=8,
    triage_length=3,
)


@pytest.fixture(scope="module")
def class_data() -> ClassData:
    """Twelve students, each slower than the one before, so that few reach the later assignments."""
    rows = []
    for student in range(12):
        for assignment in range(12 - student):
            day = 1 + assignment * 2 + student // 3
            rows.append(
                work(
                    f"s{student:02}",
                    f"a{assignment:02}",
                    f"2025-03-{day:02} 10:00",
                    None if assignment == 11 - student else f"2025-03-{day:02} 1{1 + student % 3}:00",
                    None if assignment % 4 else max(0.3, 1 - student / 14),
                )
            )
    return data_of(rows, synced_at="2025-03-27T00:00:00Z")


@pytest.fixture(scope="module")
def cohort(class_data: ClassData) -> Cohort:
    return build(class_data, thresholds=OTHERS)


def band(gap: float) -> str:
    return next((name for name, least in OTHERS.bands if gap >= least), "low")


def test_bands_and_stages_are_drawn_elsewhere_over_the_same_scores(
    class_data: ClassData, cohort: Cohort
) -> None:
    usual, other = (catalog.student_health(judged).frame for judged in (build(class_data), cohort))
    assert other["risk_score"].tolist() == usual["risk_score"].tolist()
    assert other["risk"].tolist() == [band(gap) for gap in other["risk_gap"]]
    assert other["risk"].tolist() != usual["risk"].tolist()
    limits = [(OTHERS.cooling_days, "active"), (OTHERS.quiet_days, "cooling"), (OTHERS.gone_days, "quiet")]
    stages = [
        next((name for limit, name in limits if silent < limit), "gone") for silent in other["days_silent"]
    ]
    assert other["stage"].tolist() == stages
    assert {"cooling", "quiet"} <= set(stages)
    gap = catalog.engagement_gap(cohort).frame
    on_pace = other["risk"].isin(["low", "medium"]) & other["stage"].isin(["cooling", "quiet"])
    assert set(gap["student_id"]) == set(other["student_id"][on_pace])


def test_work_is_stuck_sooner_and_fewer_assignments_are_ranked(class_data: ClassData, cohort: Cohort) -> None:
    usual, other = (catalog.stuck(judged).frame for judged in (build(class_data), cohort))
    assert len(other) > len(usual)
    assert (other["days_open"] > other["limit_days"]).all()
    assert other["limit_days"].min() == OTHERS.stuck_days
    ranked = catalog.blockers(cohort).frame
    assert (ranked["rank"].notna() == (ranked["students_reached"] >= OTHERS.least_ranked)).all()
    assert ranked["rank"].notna().sum() < catalog.blockers(build(class_data)).frame["rank"].notna().sum()
    assert catalog.reteach(cohort).frame["started"].ge(OTHERS.least_ranked).all()


def test_triage_says_where_an_entry_ends(cohort: Cohort) -> None:
    entries = catalog.triage([cohort], limit=100).frame
    ends = entries.loc[entries["kind"] == "risk", "ends"]
    assert set(ends) == {"Ends when the score is less than 7.5 points behind the class."}


def test_parts_of_a_class_are_judged_as_the_class_is(class_data: ClassData, cohort: Cohort) -> None:
    student = class_data.students["student_id"].iloc[9]
    row = catalog.student_health(cohort).frame.set_index("student_id").loc[student]
    assert catalog.student(cohort, student).record()["risk"] == row["risk"]
    history = catalog.risk_history(cohort, student).frame
    assert history["risk"].iloc[-1] == row["risk"]
    assert history["risk"].tolist() == [band(gap) for gap in history["risk_gap"]]


@pytest.mark.parametrize("name", ["student_health", "stuck", "blockers", "activity", "engagement_gap"])
def test_a_cohort_judged_anew_equals_a_cohort_built_so(name: str) -> None:
    class_data = data_of([work(f"s{n}", "a1", f"2025-03-{n + 1:02} 10:00", kind="quiz") for n in range(9)])
    report = catalog.REPORTS[name].function
    built = build(class_data, type="quiz", thresholds=OTHERS)
    anew = judged_by(build(class_data, type="quiz"), OTHERS)
    assert report(anew).records() == report(built).records()
    assert report(judged_by(anew, DEFAULTS)).records() == report(build(class_data, type="quiz")).records()
