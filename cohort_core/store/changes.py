"""The log of changes that syncs have seen, and the times of the syncs."""

from __future__ import annotations

import pandas as pd

from cohort_core.store.database import Database

_INSTANT = "datetime64[us, UTC]"
LOG_COLUMNS = {
    "at": _INSTANT,
    "run_id": "int64",
    "kind": "str",
    "progression_id": "str",
    "student_id": "str",
    "assignment_id": "str",
    "field": "str",
    "old": "str",
    "new": "str",
}


def load_log(database: Database, class_id: str) -> pd.DataFrame:
    """Load the logged changes of a class, oldest first, as columns LOG_COLUMNS.

    Those of a running sync are left out. `run_id` is that of the class in one sync. `kind` is added, changed,
    removed or returned. For a changed record, `field`, `old` and `new` are text. For the others the record's
    values are JSON, in `new` if it was added or returned and in `old` if it was removed. Grades are as sent.
    """
    with database.reading() as connection:
        rows = connection.execute(
            """
            SELECT changed_at AS at, run_id, kind, progression_id, student_id, assignment_id, field, old, new
            FROM changes
            WHERE class_id = ? AND run_id NOT IN (SELECT id FROM runs WHERE state = 'running') ORDER BY id
            """,
            (class_id,),
        ).fetchall()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=list(LOG_COLUMNS))
    at = pd.to_datetime(frame.pop("at"), format="ISO8601", utc=True).astype(_INSTANT)  # type: ignore[call-overload]
    run_id = frame.pop("run_id").astype("int64")
    return frame.astype("str").where(frame.notna()).assign(at=at, run_id=run_id)[list(LOG_COLUMNS)]


def load_sync_ends(database: Database, class_id: str, limit: int) -> list[pd.Timestamp]:
    """Load the ends of the latest successful syncs of a class, newest first."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT ended_at FROM runs WHERE class_id = ? AND state = 'done' ORDER BY id DESC LIMIT ?",
            (class_id, limit),
        ).fetchall()
    return [pd.Timestamp(row["ended_at"]) for row in rows]
