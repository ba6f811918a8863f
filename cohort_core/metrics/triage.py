"""Who needs a mentor, over several classes: one short list."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.metrics.activity import enrolled_days, last_activity
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.durations import stuck
from cohort_core.metrics.reasons import reasons
from cohort_core.metrics.risk import evidence, risk
from cohort_core.metrics.velocity import cohort_alarm

# Of needs that have lasted equally long the first of these counts: the one that says most.
KINDS = ("never_started", "stuck", "engagement_gap", "risk", "cohort_alarm")


@dataclass(frozen=True)
class Need:
    """Why somebody, or a whole class, is on the list."""

    kind: str
    class_id: str
    class_name: str
    student_id: str | None
    name: str
    days: int
    """For how long it has been so."""
    risk_score: float
    reason: str
    ends: str


def triage(cohorts: Sequence[Cohort], limit: int, hidden: Collection[str] = ()) -> tuple[pd.DataFrame, int]:
    """The longest needs over all cohorts, at most `limit`, and how many more there are.

    `hidden` has the ids of students to leave out, whatever class the need is in.

    A student with several needs, or in several classes, is there once, with the longest of them; `also` names
    the others. Columns: those of Need, and also.
    """
    needs = [need for cohort in cohorts for need in _needs(cohort) if need.student_id not in hidden]
    needs.sort(key=_longest_first)
    first: dict[str, Need] = {}
    kinds: dict[str, set[str]] = {}
    for need in needs:
        who = f"student {need.student_id}" if need.student_id else f"class {need.class_id}"
        first.setdefault(who, need)
        kinds.setdefault(who, set()).add(need.kind)
    columns = list(Need.__dataclass_fields__)
    frame = pd.DataFrame([vars(need) for need in first.values()], columns=columns)
    also = [
        [kind for kind in KINDS if kind in kinds[who] and kind != need.kind] for who, need in first.items()
    ]
    frame["also"] = pd.Series(also, dtype="object")
    return frame.head(limit), max(len(frame) - limit, 0)


def _longest_first(need: Need) -> tuple[float | str, ...]:
    # The id decides between two of one name, so that the list is the same every time.
    told = (need.name.casefold(), need.name, KINDS.index(need.kind), need.student_id or "")
    return (-need.days, -need.risk_score, *told)


@cached_on
def _needs(cohort: Cohort) -> tuple[Need, ...]:
    return tuple(_found(cohort))


def _found(cohort: Cohort) -> Iterator[Need]:
    proof = evidence(cohort.classwide)
    danger, seen = risk(cohort), last_activity(cohort)
    place = cohort.classwide.students.index.get_indexer(cohort.students.index)
    silent = np.minimum(proof.days_silent[place], enrolled_days(cohort))
    scores = dict(zip(danger.index, danger["score"], strict=True))
    names = cohort.students["name"].to_dict()

    def need(kind: str, student_id: str, days: float, reason: str, ends: str) -> Need:
        class_data = cohort.class_data
        return Need(
            kind=kind,
            class_id=class_data.class_id,
            class_name=class_data.name,
            student_id=student_id,
            name=names[student_id],
            days=max(int(days), 0),
            risk_score=scores[student_id],
            reason=reason,
            ends=ends,
        )

    high = f"{cohort.thresholds.high_gap:g}"
    at_risk = danger["band"].isin(["critical", "high"])
    why = iter(reasons(cohort, danger[at_risk], proof))
    for student_id, band, gap, quiet in zip(
        danger.index[at_risk], danger["band"][at_risk], danger["gap"][at_risk], silent[at_risk], strict=True
    ):
        first = " ".join(next(why)[:1])
        reason = f"{band.capitalize()}: {_points(gap)} points above the middle of the class. {first}".strip()
        ends = f"Ends when the score is less than {high} points above the middle of the class."
        yield need("risk", student_id, quiet, reason, ends)

    waiting = stuck(cohort)
    longest = waiting[~waiting["is_parked"]].drop_duplicates("student_id")
    columns = [longest[name].tolist() for name in ("student_id", "assignment", "days_open", "limit_days")]
    for student_id, assignment, open_for, limit in zip(*columns, strict=True):
        reason = f"In {assignment} for {_days(open_for)}, where more than {_days(limit)} is stuck."
        ends = f"Ends when {assignment} or something else is completed."
        yield need("stuck", student_id, open_for, reason, ends)

    gap = danger["band"].isin(["low", "medium"]) & seen["stage"].isin(["cooling", "quiet"])
    for student_id, quiet in seen.loc[gap, "days_silent"].items():
        reason = f"Keeps up with the class, but nothing started or completed for {_days(quiet)}."
        yield need("engagement_gap", str(student_id), quiet, reason, "Ends with any start or completion.")

    never = (seen["stage"] == "never_started").to_numpy()
    for student_id, since in zip(seen.index[never], enrolled_days(cohort)[never], strict=True):
        reason = f"Enrolled {_days(since)} ago and has started nothing."
        ends = "Ends with the first start, or a day of withdrawal on the roster."
        yield need("never_started", student_id, since, reason, ends)

    alarm = cohort_alarm(cohort.classwide).iloc[0]
    if alarm["alarm"]:
        yield Need(
            kind="cohort_alarm",
            class_id=cohort.class_data.class_id,
            class_name=cohort.class_data.name,
            student_id=None,
            name=cohort.class_data.name,
            days=(pd.Timestamp(cohort.local_date) - alarm["week"]).days,
            risk_score=0.0,
            reason=(
                f"The class completed {alarm['velocity']:.1f} assignments a student in its last full week, "
                f"where it had {alarm['usual_velocity']:.1f} in the four weeks before."
            ),
            ends="Ends with a full week of at least half of the four before it.",
        )


def _points(value: float) -> str:
    return str(int(np.floor(round(value, 6) + 0.5)))


def _days(value: float) -> str:
    whole = int(value)
    return "1 day" if whole == 1 else f"{whole} days"
