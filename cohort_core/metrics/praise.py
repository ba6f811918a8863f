"""Students who deserve a word: back after two silent weeks, with several completions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.metrics.acts import acts
from cohort_core.metrics.cohort import Cohort

RECENT_DAYS, SILENT_DAYS, MIN_COMPLETED = 7, 14, 3


@dataclass(frozen=True)
class Return:
    """The first start or completion of the last 7 days, after a long silence."""

    at: pd.Timestamp
    silent_days: int
    """Full days without a start or completion before it."""


@cached_on
def returns(cohort: Cohort) -> dict[str, Return]:
    """Return who came back in the last 7 days, by the id of the student.

    Before, they were silent for 14 days or more. Activity is a start or completion of any type. Without any
    before the 7 days nobody comes back.
    """
    rows = acts(cohort.class_data)
    rows = rows[rows["at"] <= cohort.as_of]
    is_recent = rows["at"] > cohort.as_of - timedelta(days=RECENT_DAYS)
    first = rows[is_recent].groupby("student_id")["at"].first()
    silence = (first - rows[~is_recent].groupby("student_id")["at"].last()).dropna()
    silence = silence[silence >= timedelta(days=SILENT_DAYS)]
    moments = zip(silence.index, first.reindex(silence.index), silence.dt.days, strict=True)
    return {student_id: Return(at, days) for student_id, at, days in moments}


@cached_on
def praise(cohort: Cohort) -> pd.DataFrame:
    """List the students who came back and completed 3 or more.

    They completed them in 7 days, after 14 silent days or more.

    The most completions come first, then the longest silence, then the name. Columns: student_id, name,
    completed (in the 7 days up to *as of*), silent_days, back_at (UTC), assignment_id and assignment (the
    latest completion).
    """
    course, back, people = cohort.assignments["name"], returns(cohort), cohort.students["name"]
    done = acts(cohort.class_data)
    done = done[
        (done["event"] == "completed")
        & (done["at"] > cohort.as_of - timedelta(days=RECENT_DAYS))
        & (done["at"] <= cohort.as_of)
        & done["student_id"].isin(set(back) & set(people.index))
        & done["assignment_id"].isin(course.index)
    ]
    last = done.groupby("student_id")["assignment_id"].agg(["size", "last"])
    last = last[last["size"] >= MIN_COMPLETED]
    frame = pd.DataFrame(
        {
            "student_id": last.index,
            "name": people.reindex(last.index).to_numpy(),
            "completed": last["size"].to_numpy(),
            "silent_days": [back[student_id].silent_days for student_id in last.index],
            "back_at": [back[student_id].at for student_id in last.index],
            "assignment_id": last["last"].to_numpy(),
            "assignment": last["last"].map(course).to_numpy(),
        }
    )
    frame = frame.astype({"completed": "int64", "silent_days": "int64"})
    frame["back_at"] = pd.to_datetime(frame["back_at"], utc=True).astype("datetime64[us, UTC]")
    order = frame.assign(folded=frame["name"].str.casefold()).sort_values(
        ["completed", "silent_days", "folded", "student_id"], ascending=[False, False, True, True]
    )
    return frame.loc[order.index].reset_index(drop=True)
