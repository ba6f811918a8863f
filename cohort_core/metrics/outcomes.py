"""The outcomes of contacts, and the usual rate of coming back without a message.

The contacts are a frame with a row each. Columns: contact_id, student_id, at (UTC), channel, kind (of the
triage entry, or missing), assignment_id.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta

import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.config.thresholds import Thresholds
from cohort_core.metrics.acts import Act, acts_of
from cohort_core.metrics.cohort import Cohort, build, names_of_all
from cohort_core.metrics.groups import group_members
from cohort_core.metrics.triage import GRAVITY, entries_of
from cohort_core.store.class_data import ClassData
from cohort_core.timeutils import resolve

HORIZONS = (7, 14)
"""Days after which a contact is judged."""
MIN_FOR_SHARE = 20
SAMPLED_WEEKS = 26
_Z = 1.959963984540054
"""The normal quantile of an interval of 95 %."""

CONTACT_COLUMNS = {
    "contact_id": "int64",
    "student_id": "str",
    "at": "datetime64[us, UTC]",
    "channel": "str",
    "kind": "str",
    "assignment_id": "str",
}


def outcomes(cohort: Cohort, contacts: pd.DataFrame) -> pd.DataFrame:
    """Return the contacts up to *as of*, newest first, with their outcomes.

    Columns: those of `contacts`, and name, outcome_7, outcome_14 (came_back, reason_gone, left,
    nothing_since, too_early), came_back_at (the first start or completion within 14 days, UTC or NaT), event
    and assignment (what it was).
    """
    shown = _of_cohort(cohort, visible(cohort, contacts))
    shown = shown.sort_values(["at", "contact_id"], ascending=False, ignore_index=True)
    names = names_of_all(cohort.class_data)
    course = cohort.all_types.assignments["name"]
    rows = []
    for student_id, at in zip(shown["student_id"], shown["at"], strict=True):
        first = _first_act(cohort, student_id, at, max(HORIZONS))
        rows.append(
            {
                "name": names.get(student_id, student_id),
                **{f"outcome_{days}": outcome(cohort, student_id, at, days) for days in HORIZONS},
                "came_back_at": first.at if first else pd.NaT,
                "event": first.event if first else None,
                "assignment": course.get(first.assignment_id) if first else None,
            }
        )
    frame = pd.DataFrame(
        rows, columns=["name", "outcome_7", "outcome_14", "came_back_at", "event", "assignment"]
    )
    frame["came_back_at"] = pd.to_datetime(frame["came_back_at"], utc=True).astype("datetime64[us, UTC]")
    return pd.concat([shown, frame], axis=1)


def visible(cohort: Cohort, contacts: pd.DataFrame) -> pd.DataFrame:
    """Return the contacts up to *as of*; at the last sync also those after it."""
    synced_at = cohort.class_data.synced_at
    is_latest = synced_at is not None and cohort.as_of >= synced_at
    return contacts if is_latest else contacts[contacts["at"] <= cohort.as_of]


def outcome(cohort: Cohort, student_id: str, at: pd.Timestamp, days: int) -> str:
    """Return the outcome of a contact so many days later, seen from *as of*.

    Who is not in the class at the end has left, whatever they did before.
    """
    over = at + timedelta(days=days)
    if _has_left(cohort, student_id, min(over, cohort.as_of)):
        return "left"
    if _first_act(cohort, student_id, at, days) is not None:
        return "reason_gone" if over <= cohort.as_of and _is_clear(cohort, student_id, over) else "came_back"
    return "too_early" if cohort.as_of < over else "nothing_since"


def by_kind(cohort: Cohort, contacts: pd.DataFrame) -> pd.DataFrame:
    """Count outcomes by kind and days, beside the usual rate without a message.

    One row for each kind and horizon that has contacts or usual entries. Columns: kind (missing: about no
    entry), days, contacts, came_back (reason gone or not), reason_gone, left, nothing_since, too_early,
    judged (time is over, not left), judged_came_back, share, share_low, share_high (Wilson, 95 %; NaN below
    20 judged), usual_entries, usual_came_back, usual_reason_gone, usual_share (NaN below 20).
    """
    judged = outcomes(cohort, contacts)
    rows = []
    for kind in (*GRAVITY, None):
        mine = judged[judged["kind"].isna() if kind is None else judged["kind"] == kind]
        for days in HORIZONS:
            counts = _counts(cohort, mine, days)
            usual = _usual(cohort, contacts, kind, days) if kind else (0, 0, 0)
            if counts["contacts"] or usual[0]:
                share = usual[1] / usual[0] if usual[0] >= MIN_FOR_SHARE else math.nan
                names = ("usual_entries", "usual_came_back", "usual_reason_gone")
                rows.append(
                    {"kind": kind, "days": days, **counts, **dict(zip(names, usual, strict=True))}
                    | {"usual_share": share}
                )
    return pd.DataFrame(rows, columns=_COLUMNS_BY_KIND)


_COLUMNS_BY_KIND = [
    *("kind", "days", "contacts", "came_back", "reason_gone", "left", "nothing_since", "too_early"),
    *("judged", "judged_came_back", "share", "share_low", "share_high"),
    *("usual_entries", "usual_came_back", "usual_reason_gone", "usual_share"),
]


def wilson(successes: int, number: int) -> tuple[float, float]:
    """Return the Wilson interval of 95 % of a share.

    >>> [round(limit, 3) for limit in wilson(10, 20)]
    [0.299, 0.701]
    """
    share, square = successes / number, _Z**2 / number
    middle = (share + square / 2) / (1 + square)
    half = _Z / (1 + square) * math.sqrt(share * (1 - share) / number + square / (4 * number))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _counts(cohort: Cohort, rows: pd.DataFrame, days: int) -> dict[str, int | float]:
    words = rows[f"outcome_{days}"]
    came_back = words.isin(["came_back", "reason_gone"])
    is_judged = (rows["at"] + timedelta(days=days) <= cohort.as_of) & (words != "left")
    number, successes = int(is_judged.sum()), int((came_back & is_judged).sum())
    low, high = wilson(successes, number) if number >= MIN_FOR_SHARE else (math.nan, math.nan)
    return {
        "contacts": len(rows),
        "came_back": int(came_back.sum()),
        **{
            word: int((words == word).sum()) for word in ("reason_gone", "left", "nothing_since", "too_early")
        },
        "judged": number,
        "judged_came_back": successes,
        "share": successes / number if number >= MIN_FOR_SHARE else math.nan,
        "share_low": low,
        "share_high": high,
    }


def _usual(cohort: Cohort, contacts: pd.DataFrame, kind: str, days: int) -> tuple[int, int, int]:
    """Count the entries without a message, those that came back, and those clear then.

    Every seventh day before *as of* is sampled, at its end, and judged like a contact at that instant. Out
    of it are students who left, and those with a contact within `days` before or after.
    """
    moments = _moments_by_student(contacts)
    members = _members(cohort)
    entries = came_back = clear = 0
    span = timedelta(days=days)
    for at, day in _sampled(cohort, days):
        kinds = _kinds_on(cohort.class_data, day, cohort.thresholds)
        for student_id in kinds.get(kind, ()):
            if members is not None and student_id not in members:
                continue
            if any(at - span < moment <= at + span for moment in moments.get(student_id, ())):
                continue
            word = outcome(cohort, student_id, at, days)
            if word != "left":
                entries += 1
                came_back += word in ("came_back", "reason_gone")
                clear += word == "reason_gone"
    return entries, came_back, clear


def _moments_by_student(contacts: pd.DataFrame) -> dict[str, list[pd.Timestamp]]:
    moments: dict[str, list[pd.Timestamp]] = {}
    for student_id, at in zip(contacts["student_id"], contacts["at"], strict=True):
        moments.setdefault(student_id, []).append(at)
    return moments


def _sampled(cohort: Cohort, days: int) -> Iterator[tuple[pd.Timestamp, date]]:
    """Yield the end of every seventh day whose outcome is certain, latest first."""
    if cohort.starts_at is None:
        return
    first = cohort.starts_at.tz_convert(cohort.tz).date()
    for week in range(1, SAMPLED_WEEKS + 1):
        day = cohort.local_date - timedelta(days=7 * week)
        end = resolve(day, cohort.tz)
        if day >= first and end + timedelta(days=days) <= cohort.as_of:
            yield end, day


def _is_clear(cohort: Cohort, student_id: str, over: pd.Timestamp) -> bool:
    """Return True if a student has no entry at the end of a local day.

    If *as of* is earlier, it is asked then.
    """
    day = over.tz_convert(cohort.tz).date()
    kinds = _kinds_on(cohort.class_data, min(resolve(day, cohort.tz), cohort.as_of), cohort.thresholds)
    return not any(student_id in students for students in kinds.values())


@cached_on
def _kinds_on(
    class_data: ClassData, moment: pd.Timestamp | date, thresholds: Thresholds
) -> dict[str, frozenset[str]]:
    """Return the students with an entry in triage, by kind, hidden or not."""
    kinds: dict[str, set[str]] = {}
    for entry in entries_of(build(class_data, moment, thresholds=thresholds)):
        if entry.student_id is not None:
            kinds.setdefault(entry.kind, set()).add(entry.student_id)
    return {kind: frozenset(students) for kind, students in kinds.items()}


def _first_act(cohort: Cohort, student_id: str, at: pd.Timestamp, days: int) -> Act | None:
    """Return the first start or completion within so many days after `at`."""
    end = min(at + timedelta(days=days), cohort.as_of)
    return next((act for act in acts_of(cohort.class_data, student_id) if at < act.at <= end), None)


def _has_left(cohort: Cohort, student_id: str, end: pd.Timestamp) -> bool:
    """Return True if a student is withdrawn by then, or removed."""
    withdrawals = _withdrawals(cohort.class_data)
    if student_id not in withdrawals:
        return True
    withdrawn_on = withdrawals[student_id]
    return withdrawn_on is not None and withdrawn_on <= end.tz_convert(cohort.tz).date()


@cached_on
def _withdrawals(class_data: ClassData) -> dict[str, date | None]:
    students = class_data.students.drop_duplicates("student_id")
    return {
        student_id: None if pd.isna(day) else day.date()
        for student_id, day in zip(students["student_id"], students["withdrawn_on"], strict=True)
    }


def _of_cohort(cohort: Cohort, contacts: pd.DataFrame) -> pd.DataFrame:
    """Return the contacts with students of the cohort's group, withdrawn ones included."""
    members = _members(cohort)
    return contacts if members is None else contacts[contacts["student_id"].isin(members)]


def _members(cohort: Cohort) -> set[str] | None:
    """Return the ids of the group's students, withdrawn ones included; None for all."""
    if cohort.group is None:
        return None
    students = cohort.class_data.students
    return set(students["student_id"][group_members(cohort.class_data, cohort.group)])
