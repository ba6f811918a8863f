"""The events of a class between two instants.

A change that a sync saw has the time of that sync. Records that were there at the first sync have the times
that OpenClass gives. So no event is listed twice, and no event is lost because it arrived late.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.risk import risk
from cohort_core.store.class_data import ClassData
from cohort_core.store.grade_scales import SHARE, to_shares

AWAY_DAYS = 14
"""A student who is active after so many days without activity has come back."""

_NO_WORK = {"removed", "returned", "left", "came_back"}
"""Kinds of events that say nothing of when a student began."""
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
    "records": "Int64",
}


class Event(NamedTuple):
    """An event of one student, in the columns COLUMNS."""

    at: pd.Timestamp
    kind: str
    student_id: str
    assignment_id: str | None = None
    grade_before: float | None = None
    grade_after: float | None = None
    band_before: str | None = None
    band_after: str | None = None
    records: int | None = None


class _Move(NamedTuple):
    """A student whose first records a sync brought again, or whose last it took."""

    kind: str
    records: int


_Moves = dict[tuple[str, int], _Move]


def changes(class_data: ClassData, log: pd.DataFrame, before: Cohort, after: Cohort) -> pd.DataFrame:
    """List the events after `before.as_of` and up to `after.as_of`, newest first.

    `log` holds the changes that syncs have seen. Returns one row an event, with the columns COLUMNS: at
    (UTC), kind, student_id, assignment_id (missing for an event of the student as a whole), grade_before and
    grade_after (0 to 1, with a bonus up to 2, or NaN), band_before and band_after, records. Without events
    there are no rows. If `after` is of a group, only its students are listed.

    Kinds: completed, started, graded (a grade for work completed earlier), regraded, reviewed, reopened,
    removed and returned (OpenClass lost a record, or has it again), new_student, came_back (active after 14
    days without activity, or in the class again, with so many records), left (OpenClass lost all records of
    the student, so many at last), band_moved (in another risk band). The records of a student who left or is
    in the class again are no events of their own.
    """
    since, until = before.as_of, after.as_of
    first_sync = _at_first_sync(class_data, log)
    seen_before = first_sync.loc[first_sync["at"] <= since, "student_id"].unique()
    first_sync = first_sync[(since < first_sync["at"]) & (first_sync["at"] <= until)]
    # Earlier lines of the log only say which students are not new.
    recent = log[(log["at"] <= until) & ((log["at"] > since) | ~log["student_id"].isin(seen_before))]
    moves = _moves(class_data, log)
    logged = list(_logged(recent, moves, _removed_values(log)))
    events = list(_new_students(logged, first_sync, set(seen_before) | _removed_first(log, logged), since))
    events += _came_back(class_data, since, until)
    if since < until:
        events += _band_moves(before, after)
    parts = [_frame(event for event in logged if event.at > since), first_sync, _frame(events)]
    frame = pd.concat(parts, ignore_index=True)
    for name in ("grade_before", "grade_after"):
        frame[name] = _as_shares(class_data, frame["assignment_id"], frame[name])
    chosen = frame[frame["student_id"].isin(after.students.index)] if after.group else frame
    return chosen.sort_values("at", ascending=False, kind="stable").reset_index(drop=True)


def _frame(events: Iterable[Event]) -> pd.DataFrame:
    return pd.DataFrame(list(events), columns=list(COLUMNS)).astype(COLUMNS)


def _as_shares(
    class_data: ClassData, assignment_ids: pd.Series[Any], raw: pd.Series[Any]
) -> group_stats.Floats:
    scales = class_data.assignments.set_index("assignment_id")["grade_scale"]
    # A place of -1 is the last one: an assignment that the class no longer has.
    all_scales = np.append(scales.to_numpy(dtype=object), SHARE)
    places = scales.index.get_indexer(pd.Index(assignment_ids))
    return to_shares(raw.to_numpy(), all_scales, np.where(places < 0, len(scales), places))


def _moves(class_data: ClassData, log: pd.DataFrame) -> _Moves:
    """Return the students who left or came back, by student and run."""
    lines = log[log["kind"].isin(["added", "returned", "removed"])]
    moved = lines.loc[lines["kind"] != "added", "student_id"].unique()
    lines = lines[lines["student_id"].isin(moved)]
    held = class_data.progressions["student_id"].value_counts()
    moves: _Moves = {}
    for student, own in lines.groupby("student_id"):
        after = int(held.get(student, 0))
        syncs = [(run_id, part["kind"].value_counts()) for run_id, part in own.groupby("run_id")]
        removals = [int(kinds.get("removed", 0)) for _, kinds in syncs]
        for number, (run_id, kinds) in reversed(list(enumerate(syncs))):
            came = int(kinds.get("added", 0) + kinds.get("returned", 0))
            before = after - came + removals[number]
            if removals[number] and after == 0:
                moves[str(student), int(str(run_id))] = _Move("left", removals[number])
            elif came and before == 0 and (kinds.get("returned", 0) or any(removals[:number])):
                moves[str(student), int(str(run_id))] = _Move("came_back", came)
            after = before
    return moves


def _removed_values(log: pd.DataFrame) -> dict[tuple[str, pd.Timestamp], dict[str, Any]]:
    """Return the values of each record that returned, as they were when it was removed."""
    last: dict[str, str] = {}
    values = {}
    lines = log[log["kind"].isin(["removed", "returned"])]
    columns = (lines[name].tolist() for name in ("kind", "progression_id", "at", "old"))
    for kind, record_id, at, old in zip(*columns, strict=True):
        if kind == "removed":
            last[record_id] = old
        elif record_id in last:
            values[record_id, at] = json.loads(last[record_id])
    return values


def _removed_first(log: pd.DataFrame, logged: Sequence[Event]) -> set[str]:
    """Return the students whose first logged event is the removal of a record."""
    removed = log[log["kind"] == "removed"].groupby("student_id")["at"].min()
    first: dict[str, pd.Timestamp] = {}
    for event in logged:
        if event.kind not in _NO_WORK:
            first[event.student_id] = min(event.at, first.get(event.student_id, event.at))
    return {
        str(student) for student, at in removed.items() if student not in first or at <= first[str(student)]
    }


def _logged(
    log: pd.DataFrame, moves: _Moves, removed: dict[tuple[str, pd.Timestamp], dict[str, Any]]
) -> Iterator[Event]:
    """Yield the events of the log.

    All changes of a record in one sync belong together, and all records of a student who left or came back.
    """
    shown: set[tuple[str, int]] = set()
    together: dict[tuple[Any, Any], list[Any]] = {}
    for line in log.itertuples(index=False):
        together.setdefault((line.at, line.progression_id), []).append(line)
    for (at, _), lines in together.items():
        kind, student, assignment = lines[0].kind, lines[0].student_id, lines[0].assignment_id
        if kind == "changed":
            edits = {line.field: (line.old, line.new) for line in lines}
            yield from _edited(at, student, assignment, edits)
            continue
        move = moves.get((student, lines[0].run_id))
        if move and (student, lines[0].run_id) not in shown:
            shown.add((student, lines[0].run_id))
            yield Event(at, move.kind, student, records=move.records)
        if kind in {"removed", "returned"} and not move:
            yield Event(at, kind, student, assignment)
        if kind == "added":
            yield from _added(at, student, assignment, json.loads(lines[0].new))
        elif kind == "returned":
            record = json.loads(lines[0].new)
            before = removed.get((lines[0].progression_id, at), record)
            edits = {name: (before[name], record[name]) for name in record if before[name] != record[name]}
            yield from _edited(at, student, assignment, edits)


def _added(at: pd.Timestamp, student: str, assignment: str, record: dict[str, Any]) -> Iterator[Event]:
    if record["completed_at"]:
        yield Event(at, "completed", student, assignment, grade_after=record["grade"])
    elif record["started_at"]:
        yield Event(at, "started", student, assignment)
    if record["reviewed_at"]:
        yield Event(at, "reviewed", student, assignment)


def _edited(
    at: pd.Timestamp, student: str, assignment: str, edits: dict[str, tuple[Any, Any]]
) -> Iterator[Event]:
    """Yield the events of a record that was edited.

    `edits` holds the old and the new value of each changed field.
    """
    grade_before, grade_after = (_number(value) for value in edits.get("grade", (None, None)))
    completion = edits.get("completed_at")
    if completion and pd.isna(completion[0]):
        yield Event(at, "completed", student, assignment, grade_after=grade_after)
    else:
        if completion and pd.isna(completion[1]):
            yield Event(at, "reopened", student, assignment)
        if "grade" in edits:
            kind = "graded" if grade_before is None else "regraded"
            yield Event(at, kind, student, assignment, grade_before, grade_after)
        if "started_at" in edits and pd.isna(edits["started_at"][0]):
            yield Event(at, "started", student, assignment)
    if "reviewed_at" in edits and not pd.isna(edits["reviewed_at"][1]):
        yield Event(at, "reviewed", student, assignment)


def _at_first_sync(class_data: ClassData, log: pd.DataFrame) -> pd.DataFrame:
    """Return the events of the records that the first sync brought, as they were then.

    Their times are those that OpenClass gave. Later edits in the log are undone first.
    """
    rows = class_data.progressions.set_index("id")
    rows = rows[~rows.index.isin(log.loc[log["kind"].isin(["added", "returned"]), "progression_id"])]
    edits = log[log["kind"] == "changed"].drop_duplicates(["progression_id", "field"])
    # With so many values isin would take a second.
    edits = edits[rows.index.get_indexer(pd.Index(edits["progression_id"])) >= 0]
    columns: dict[str, Any] = {}
    for name in ("grade", "started_at", "completed_at", "reviewed_at"):
        of_field = edits[edits["field"] == name].set_index("progression_id")["old"]
        column = rows["raw_grade" if name == "grade" else name].copy()
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
    # Record by record, so that the events of a record at the same instant stand together.
    return pd.concat(parts).sort_index(kind="stable")


def _new_students(
    logged: list[Event], first_sync: pd.DataFrame, seen_before: set[str], since: pd.Timestamp
) -> Iterator[Event]:
    """Yield the students whose first event is after `since`.

    `seen_before` are those with earlier records.
    """
    logged = [event for event in logged if event.kind not in _NO_WORK]
    by_log = pd.Series([event.at for event in logged], [event.student_id for event in logged], dtype=_INSTANT)
    first = pd.concat([by_log, first_sync.set_index("student_id")["at"]]).groupby(level=0, sort=False).min()
    for student, at in first[(first > since) & ~first.index.isin(seen_before)].items():
        yield Event(at, "new_student", str(student))


def _came_back(class_data: ClassData, since: pd.Timestamp, until: pd.Timestamp) -> Iterator[Event]:
    rows = class_data.progressions
    activity = pd.concat(
        [
            rows[["student_id", name]].set_axis(["student", "at"], axis=1)
            for name in ("started_at", "completed_at")
        ]
    ).dropna()
    activity = activity[activity["at"] <= until]
    recent = activity[activity["at"] > since].groupby("student")["at"].min()
    earlier = activity[activity["at"] <= since].groupby("student")["at"].max()
    gap = (recent - earlier.reindex(recent.index)) >= pd.Timedelta(days=AWAY_DAYS)
    for student, at in recent[gap].items():
        yield Event(at, "came_back", str(student))


def _band_moves(before: Cohort, after: Cohort) -> Iterator[Event]:
    old, new = risk(before)["band"], risk(after).sort_values("score", ascending=False, kind="stable")["band"]
    both = new.index.intersection(old.index)
    for student in both[(old[both] != new[both]).to_numpy()]:
        yield Event(
            after.as_of, "band_moved", str(student), band_before=old[student], band_after=new[student]
        )


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
