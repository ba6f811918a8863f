"""The log of what syncs saw change, and when each class was synced."""

from __future__ import annotations

import pandas as pd

from cohort_core.store.database import Database

_INSTANT = "datetime64[us, UTC]"
LOG_COLUMNS = {
    "at": _INSTANT,
    "kind": "str",
    "progression_id": "str",
    "student_id": "str",
    "assignment_id": "str",
    "field": "str",
    "old": "str",
    "new": "str",
}


def load_log(database: Database, class_id: str) -> pd.DataFrame:
    """Every logged change of a class, oldest first, without a sync that has not ended: columns LOG_COLUMNS.

    kind: added, changed, removed, returned. Of a changed record, `field`, `old` and `new` as text; of the
    others, what the record said as JSON, in `new` when it came and in `old` when it went.
    """
    with database.reading() as connection:
        rows = connection.execute(
            """
            SELECT changed_at AS at, kind, progression_id, student_id, assignment_id, field, old, new
            FROM changes
            WHERE class_id = ? AND run_id NOT IN (SELECT id FROM runs WHERE state = 'running') ORDER BY id
            """,
            (class_id,),
        ).fetchall()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=list(LOG_COLUMNS))
    at = pd.to_datetime(frame.pop("at"), format="ISO8601", utc=True).astype(_INSTANT)  # type: ignore[call-overload]
    return frame.astype("str").where(frame.notna()).assign(at=at)[list(LOG_COLUMNS)]


def load_sync_ends(database: Database, class_id: str, limit: int) -> list[pd.Timestamp]:
    """When the latest good syncs of a class ended, newest first."""
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT ended_at FROM runs WHERE class_id = ? AND state = 'done' ORDER BY id DESC LIMIT ?",
            (class_id, limit),
        ).fetchall()
    return [pd.Timestamp(row["ended_at"]) for row in rows]
