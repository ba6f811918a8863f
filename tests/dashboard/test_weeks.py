"""Weeks of Trends that a click opens, and the names of lines and groups."""

from __future__ import annotations

from cohort_core.charts import week_charts
from cohort_core.charts.vega import whole_spec
from cohort_core.dashboard.sections import trends, week
from cohort_core.reports import catalog
from cohort_core.services.workspace import Workspace
from cohort_core.store.roster import Mentor


def test_a_week_lists_what_its_bars_count(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    weeks = catalog.progress_over_time(cohort).frame
    assert len(weeks) > 5
    for row in weeks.to_dict("records"):
        events = week.events(cohort, row["week"].date())
        completed = events[events["what"] == "Completed"]
        assert len(completed) == row["completed_in_week"]
        assert events["student_id"].nunique() == row["active_students"]
        assert not completed.duplicated(["student_id", "assignment_id"]).any()


def test_a_week_without_activity_says_so(big: str, practised: Workspace) -> None:
    cohort = practised.cohorts.cohort(big)
    empty = week.events(
        cohort, (catalog.progress_over_time(cohort).frame["week"].min()).date().replace(year=2001)
    )
    assert week.summary(empty) == (
        "0 students were active. Together they completed 0 assignments and started 0 assignments."
    )


def test_each_line_has_its_name_at_its_end(big: str, practised: Workspace) -> None:
    weeks = catalog.progress_over_time(practised.cohorts.cohort(big)).frame
    spec = whole_spec(week_charts.cumulative_progress(weeks))
    texts = [layer for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    named = {row["state"]: row["week"] for layer in texts for row in layer["data"]["values"]}
    last = f"{weeks['week'].max():%Y-%m-%d}"
    assert named == {"Completed": last, "In progress": last}


def test_mentors_stand_beside_their_class_night(big: str, practised: Workspace) -> None:
    groups = catalog.by_group(practised.cohorts.cohort(big)).frame
    named = trends.name_groups(groups, [Mentor("Mira", "tuesday"), Mentor("Edu", "Tuesday"), Mentor("Al")])
    beside = dict(zip(named["label"], named["mentors"], strict=True))
    assert beside["Class night: Tuesday"] == "Mira, Edu"
    assert not isinstance(beside["Class night: Thursday"], str)
    assert not isinstance(beside["Region: East"], str)
