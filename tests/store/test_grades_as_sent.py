"""A home of before, whose percentages were divided by 100, and the first sync after its migration."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from sqlite_utils import Database as SqliteUtils

from cohort_core.store.database import Database
from cohort_core.store.schema import migrations
from tests.sync.conftest import SyncedClass, id_of, row
from tests.sync.conftest import synced as synced  # a fixture

EPOCH = "1970-01-01T00:00:00.000Z"


def make_old(synced: SyncedClass) -> None:
    """Turn the home into one of before m006, with the values that the program stored then."""
    path = synced.workspace.database.path
    with closing(sqlite3.connect(path)) as connection:
        new = {
            name: connection.execute(f"SELECT * FROM {name}").fetchall()
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("_")
        }
        columns = {
            name: [column[1] for column in connection.execute(f"PRAGMA table_info({name})")] for name in new
        }
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    db = SqliteUtils(path)
    migrations.apply(db, stop_before="m006_values_as_sent")
    assert "m006_values_as_sent" not in {row["name"] for row in db["_sqlite_migrations"].rows}
    db.execute("PRAGMA foreign_keys = OFF")
    for name, rows in new.items():
        kept = [column for column in columns[name] if column in db[name].columns_dict]
        marks = ", ".join("?" * len(kept))
        for values in rows:
            held = dict(zip(columns[name], values, strict=True))
            db.execute(
                f"INSERT INTO {name} ({', '.join(kept)}) VALUES ({marks})", [held[column] for column in kept]
            )
    for table in ("progressions", "tombstones"):
        db.execute(f"UPDATE {table} SET raw_grade = grade, grade = grade / 100 WHERE grade > 1")
    db.conn.commit()
    db.close()


def old_change(synced: SyncedClass, number: int, field: str | None, old: Any, new: Any) -> None:
    with closing(sqlite3.connect(synced.workspace.database.path)) as connection:
        kind = "changed" if field else "added"
        connection.execute(
            "INSERT INTO changes (run_id, class_id, changed_at, kind, progression_id, student_id, "
            "assignment_id, field, old, new) SELECT 1, class_id, '2026-11-01T00:00:00.000Z', ?, id, "
            "student_id, assignment_id, ?, ?, ? FROM progressions WHERE id = ?",
            (kind, field, old, new, id_of(number)),
        )
        connection.commit()


def test_nothing_looks_changed_at_the_first_sync_after_the_migration(synced: SyncedClass) -> None:
    grades = [85, 1.05, 0.5, None, 100, 60, 70, 80, 1, 1, 1.1, 0]
    for number, grade in enumerate(grades):
        started = "1970-01-01T00:00:00Z" if number == 2 else None
        synced.school.put_row(synced.id, row(number, grade=grade, started=started))
    synced.sync()
    make_old(synced)
    with closing(sqlite3.connect(synced.workspace.database.path)) as connection:
        connection.execute("UPDATE progressions SET started_at = ? WHERE id = ?", (EPOCH, id_of(2)))
        connection.commit()
    old_change(synced, 0, "grade", "0.29", "0.85")
    old_change(synced, 0, "started_at", None, EPOCH)
    old_change(synced, 1, "grade", "0.9", "0.0105")
    old_change(synced, 5, None, None, json.dumps({"grade": 0.6, "started_at": None, "completed_at": "x"}))

    synced.workspace.database = Database(synced.workspace.home)
    (run,) = synced.sync().runs
    assert (run.state, run.added, run.changed, run.removed) == ("done", 0, 0, 0)
    held = synced.held()
    assert [held[id_of(number)][3] for number in range(12)] == grades
    assert held[id_of(2)][4] is None
    with synced.workspace.database.reading() as connection:
        log = [tuple(line) for line in connection.execute("SELECT field, old, new FROM changes ORDER BY id")]
    assert log == [
        ("grade", "29.0", "85.0"),
        ("started_at", None, EPOCH),
        ("grade", "0.9", "1.05"),
        (None, None, '{"grade": 60.0, "started_at": null, "completed_at": "x"}'),
    ]


def test_a_later_record_that_flips_the_scale_writes_no_change(synced: SyncedClass) -> None:
    for number in range(4):
        synced.school.change_row(synced.id, id_of(number), grade=1)
    synced.sync()
    assert grades_of(synced, 0) == (1, 1)
    for number in range(20, 40):
        other = row(number, grade=85) | {"assignment": row(0)["assignment"]}
        synced.school.put_row(synced.id, other)
    (run,) = synced.sync().runs
    assert (run.added, run.changed) == (20, 0)
    assert grades_of(synced, 0) == (0.01, 1)
    assert grades_of(synced, 20) == (0.85, 85)


def grades_of(synced: SyncedClass, number: int) -> tuple[float, float]:
    """Return the share and the grade as it was sent."""
    frame = synced.workspace.cohorts.class_data(synced.id).progressions
    [record] = frame[frame["id"] == id_of(number)].to_dict("records")
    return record["grade"], record["raw_grade"]
