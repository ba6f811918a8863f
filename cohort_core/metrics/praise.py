"""Students who deserve a word: back after two silent weeks, with several completions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.metrics.activity import RECENT_DAYS, SILENT_DAYS
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.outcomes import acts_of

MIN_COMPLETED = 3


@dataclass(frozen=True)
class Return:
    """The first start or completion of the last 7 days, after a long silence."""

    at: pd.Timestamp
    silent_days: int
    """Full days without a start or completion before it."""


def find_return(cohort: Cohort, student_id: str) -> Return | None:
    """Return how a student came back in the 7 days up to *as of*.

    None without activity in these days, without any before them, and after less than 14 silent days.
    Activity is a start or completion of any type.
    """
    since = cohort.as_of - timedelta(days=RECENT_DAYS)
    moments = [act.at for act in acts_of(cohort.class_data, student_id) if act.at <= cohort.as_of]
    recent = [at for at in moments if at > since]
    before = [at for at in moments if at <= since]
    if not recent or not before or recent[0] - before[-1] < timedelta(days=SILENT_DAYS):
        return None
    return Return(recent[0], (recent[0] - before[-1]) // timedelta(days=1))


@cached_on
def praise(cohort: Cohort) -> pd.DataFrame:
    """List the students who came back and completed 3 or more.

    They completed them in 7 days, after 14 silent days or more.

    The most completions come first, then the longest silence, then the name. Columns: student_id, name,
    completed (in the 7 days up to *as of*), silent_days, back_at (UTC), assignment_id and assignment (the
    latest completion).
    """
    course = cohort.assignments["name"]
    since = cohort.as_of - timedelta(days=RECENT_DAYS)
    rows = []
    for student_id, name in cohort.students["name"].items():
        returned = find_return(cohort, str(student_id))
        if returned is None:
            continue
        done = [
            act
            for act in acts_of(cohort.class_data, str(student_id))
            if act.event == "completed"
            and since < act.at <= cohort.as_of
            and act.assignment_id in course.index
        ]
        if len(done) >= MIN_COMPLETED:
            last = done[-1].assignment_id
            rows.append((student_id, name, len(done), returned.silent_days, returned.at, last, course[last]))
    frame = pd.DataFrame(
        rows,
        columns=["student_id", "name", "completed", "silent_days", "back_at", "assignment_id", "assignment"],
    )
    frame = frame.astype({"completed": "int64", "silent_days": "int64"})
    frame["back_at"] = pd.to_datetime(frame["back_at"], utc=True).astype("datetime64[us, UTC]")
    order = frame.assign(folded=frame["name"].str.casefold()).sort_values(
        ["completed", "silent_days", "folded", "student_id"], ascending=[False, False, True, True]
    )
    return frame.loc[order.index].reset_index(drop=True)
