"""What happened between two instants.

What a sync saw change happened when it was seen; what was there at the first sync happened when OpenClass
says that it did. So nothing is told twice, and nothing is lost that arrived late.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pandas as pd

from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.risk import risk
from cohort_core.store.class_data import ClassData

AWAY_DAYS = 14
"""After so many days without activity, activity means that a student came back."""

_INSTANT = "datetime64[us, UTC]"
COLUMNS = {
    "at": _INSTANT,
    "kind": "str",
    "student_id": "str",
    "assignment_id": "str",
    "grade_before": "float64",
    "grade_after": "float64",
    "band_before": "str",
    "band_after": "str",
}


class Event(NamedTuple):
    at: pd.Timestamp
    kind: str
    student_id: str
    assignment_id: str | None = None
    grade_before: float | None = None
    grade_after: float | None = None
    band_before: str | None = None
    band_after: str | None = None


def changes(class_data: ClassData, log: pd.DataFrame, before: Cohort, after: Cohort) -> pd.DataFrame:
    """Events after `before.as_of` and up to `after.as_of`, newest first: columns COLUMNS.

    kind: completed, started, graded (a grade for work completed earlier), regraded, reviewed, reopened,
    removed and returned (a record that OpenClass lost or has again), new_student, came_back (active after 14
    days without), band_moved. Only students of the group of `after`.
    """
    since, until = before.as_of, after.as_of
    found = _first_seen(class_data, log)
    known = found.loc[found["at"] <= since, "student_id"].unique()
    found = found[(since < found["at"]) & (found["at"] <= until)]
    # Of what the log tells of earlier times, only who was there matters.
    recent = log[(log["at"] <= until) & ((log["at"] > since) | ~log["student_id"].isin(known))]
    logged = list(_logged(recent))
    events = list(_new_students(logged, found, set(known), since))
    events += _came_back(class_data, since, until)
    if since < until:
        events += _band_moves(before, after)
    told = [_frame(event for event in logged if event.at > since), found, _frame(events)]
    frame = pd.concat(told, ignore_index=True)
    chosen = frame[frame["student_id"].isin(after.students.index)] if after.group else frame
    return chosen.sort_values("at", ascending=False, kind="stable").reset_index(drop=True)


def _frame(events: Iterable[Event]) -> pd.DataFrame:
    return pd.DataFrame(list(events), columns=list(COLUMNS)).astype(COLUMNS)


def _logged(log: pd.DataFrame) -> Iterator[Event]:
    """The events that the log tells by itself: one record's changes in one sync are told together."""
    together: dict[tuple[Any, Any], list[Any]] = {}
    for line in log.itertuples(index=False):
        together.setdefault((line.at, line.progression_id), []).append(line)
    for (at, _), lines in together.items():
        kind, who, what = lines[0].kind, lines[0].student_id, lines[0].assignment_id
        if kind == "changed":
            yield from _edited(at, who, what, {line.field: (line.old, line.new) for line in lines})
            continue
        if kind in {"removed", "returned"}:
            yield Event(at, kind, who, what)
        if kind in {"added", "returned"}:
            yield from _arrived(at, who, what, json.loads(lines[0].new))


def _arrived(at: pd.Timestamp, who: str, what: str, record: dict[str, Any]) -> Iterator[Event]:
    if record["completed_at"]:
        yield Event(at, "completed", who, what, grade_after=record["grade"])
    elif record["started_at"]:
        yield Event(at, "started", who, what)
    if record["reviewed_at"]:
        yield Event(at, "reviewed", who, what)


def _edited(at: pd.Timestamp, who: str, what: str, moved: dict[str, tuple[Any, Any]]) -> Iterator[Event]:
    grade_before, grade_after = (_number(value) for value in moved.get("grade", (None, None)))
    completion = moved.get("completed_at")
    if completion and pd.isna(completion[0]):
        yield Event(at, "completed", who, what, grade_after=grade_after)
    else:
        if completion and pd.isna(completion[1]):
            yield Event(at, "reopened", who, what)
        if "grade" in moved:
            kind = "graded" if grade_before is None else "regraded"
            yield Event(at, kind, who, what, grade_before, grade_after)
        if "started_at" in moved and pd.isna(moved["started_at"][0]):
            yield Event(at, "started", who, what)
    if "reviewed_at" in moved and not pd.isna(moved["reviewed_at"][1]):
        yield Event(at, "reviewed", who, what)


def _first_seen(class_data: ClassData, log: pd.DataFrame) -> pd.DataFrame:
    """What the first sync found, at the times that OpenClass gave, as the records said it then."""
    rows = class_data.progressions.set_index("id")
    rows = rows[~rows.index.isin(log.loc[log["kind"].isin(["added", "returned"]), "progression_id"])]
    edits = log[log["kind"] == "changed"].drop_duplicates(["progression_id", "field"])
    # isin with so many values would take a second where this takes no time.
    edits = edits[rows.index.get_indexer(pd.Index(edits["progression_id"])) >= 0]
    columns: dict[str, Any] = {}
    for name in ("grade", "started_at", "completed_at", "reviewed_at"):
        of_field = edits[edits["field"] == name].set_index("progression_id")["old"]
        column = rows[name].copy()
        if len(of_field):
            old = (
                pd.to_numeric(of_field)
                if name == "grade"
                else pd.to_datetime(of_field, format="ISO8601", utc=True).astype(column.dtype)
            )
            column.loc[of_field.index] = old
        columns[name] = column
    done = columns["completed_at"].notna()
    parts = []
    for kind, at in (
        ("completed", columns["completed_at"]),
        ("started", columns["started_at"].where(~done)),
        ("reviewed", columns["reviewed_at"]),
    ):
        part = pd.DataFrame({"at": at.array, "kind": kind}).reindex(columns=list(COLUMNS))
        part["student_id"], part["assignment_id"] = rows["student_id"].array, rows["assignment_id"].array
        if kind == "completed":
            part["grade_after"] = columns["grade"].array
        parts.append(part[part["at"].notna()].astype(COLUMNS))
    # Record by record: what happened to one in an instant stands together.
    return pd.concat(parts).sort_index(kind="stable")


def _new_students(
    logged: list[Event], found: pd.DataFrame, known: set[str], since: pd.Timestamp
) -> Iterator[Event]:
    """Those of whom nothing is told before; `known` are those whom the first sync found before."""
    told = pd.Series([event.at for event in logged], [event.student_id for event in logged], dtype=_INSTANT)
    first = pd.concat([told, found.set_index("student_id")["at"]]).groupby(level=0, sort=False).min()
    for who, at in first[(first > since) & ~first.index.isin(known)].items():
        yield Event(at, "new_student", str(who))


def _came_back(class_data: ClassData, since: pd.Timestamp, until: pd.Timestamp) -> Iterator[Event]:
    rows = class_data.progressions
    activity = pd.concat(
        [
            rows[["student_id", name]].set_axis(["who", "at"], axis=1)
            for name in ("started_at", "completed_at")
        ]
    ).dropna()
    activity = activity[activity["at"] <= until]
    recent = activity[activity["at"] > since].groupby("who")["at"].min()
    earlier = activity[activity["at"] <= since].groupby("who")["at"].max()
    gap = (recent - earlier.reindex(recent.index)) >= pd.Timedelta(days=AWAY_DAYS)
    for who, at in recent[gap].items():
        yield Event(at, "came_back", str(who))


def _band_moves(before: Cohort, after: Cohort) -> Iterator[Event]:
    old, new = risk(before)["band"], risk(after).sort_values("score", ascending=False, kind="stable")["band"]
    both = new.index.intersection(old.index)
    for who in both[(old[both] != new[both]).to_numpy()]:
        yield Event(after.as_of, "band_moved", str(who), band_before=old[who], band_after=new[who])


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
