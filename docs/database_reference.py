"""Writes docs/database.md from the migrations, for people with SQL of their own.

    python docs/database_reference.py

A table that is not described here is listed as one that is not for reading.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from cohort_core.store.database import bring_up_to_date

DOCUMENT = Path(__file__).parent / "database.md"

INTRODUCTION = """# The database

Everything is in one SQLite file, `cohort.db` in the data folder (`cohort-tracker doctor` names it). This
page is made from the migrations by `python docs/database_reference.py`; a test compares them.

- **Read it, do not write it.** Dashboard, API and sync rely on rules that the tables alone do not show.
Open it read-only while
  anything runs: `sqlite3 -readonly cohort.db`. For long queries make a copy with `cohort-tracker backup
  FILE`.
- **Nothing here is anonymous.** Who reads the file sees names and emails.
- **Instants are text in UTC** with milliseconds, such as `2025-12-11T23:02:51.781Z`; they sort by time.
Days, such as `2026-09-01`,
  are local to the class. `INTEGER` columns whose names begin with `is_` hold 0 or 1.
- **Metrics are not in the database.** Risk, blockers and the others are computed when they are read: ask the
  [API](api.md) or `cohort-tracker export` for them.
- **The tables may change with a version.** They only do by a migration: before it the file is copied to
`backups/before-NNN.db`,
  where NNN is the number of the first migration. Views and tables of your own stay, but triggers are
  refused, and a backup with any of these cannot be restored: keep yours in a file of your own, with `ATTACH`.

```sql
-- Who has completed how much, class by class.
SELECT c.name, s.first_name, s.last_name, count(p.completed_at) AS completed
FROM progressions p
JOIN classes c ON c.id = p.class_id
JOIN students s ON s.id = p.student_id
GROUP BY c.id, s.id
ORDER BY c.name, completed DESC;
```
"""

TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "classes": (
        "The classes that OpenClass lists for the mentor.",
        {
            "id": "OpenClass id",
            "friendly_id": "its short name",
            "is_active": "a sync that names no class includes it",
            "position": "place in OpenClass's list",
            "timezone": "as a mentor set it; null for the default",
            "starts_on": "first day, as a mentor set it",
            "closed_on": "day of closing; null while the class is open",
            "misfit_syncs": "syncs in a row in which OpenClass's count did not fit",
            "synced_at": "end of the last successful sync",
            "revision": "grows with every change of its data",
            "clean_full_at": "end of the last verified full sync",
            "next_deep_page": "the old page that the next sync also reads",
        },
    ),
    "destinations": (
        "Places outside to which digests and events go. Their addresses are not here.",
        {
            "account_id": "whose it is; null for the school's",
            "class_ids": "JSON list; null for all",
            "names": "pseudonym, initial or full",
            "at": "local time of the digest",
            "days": "JSON list",
            "events": "JSON list, for webhooks",
            "notice": "the last problem",
        },
    ),
    "outbox": (
        "Messages to destinations, each once. Contents go when a message is delivered.",
        {
            "key": "of a digest its day, of an event its id for the receiver",
            "state": "waiting, sending, delivered, accepted, perhaps_sent, failed or dropped",
            "answer": "status of the receiver, or why there is none",
        },
    ),
    "deliveries": ("Attempts to send a message.", {"outcome": "what came of it"}),
    "outbox_students": ("Who is in a message that waits, or in the last digest.", {}),
    "spells": (
        "Entries of the list of students who need attention that hold now, as events were made of them.",
        {"student_id": "empty for the class itself", "is_announced": "an event was made of it"},
    ),
    "units": ("The sections of each course, in order.", {"position": "from 0"}),
    "unit_assignments": (
        "The assignments of each section. `position` is the place in the whole course.",
        {"unit_position": "the section"},
    ),
    "students": ("Everybody with a record in any class.", {"id": "OpenClass id"}),
    "assignments": ("Names and types of assignments.", {"id": "OpenClass id"}),
    "progressions": (
        "The records as OpenClass has them: a student in an assignment. A student may have several of an "
        "assignment. A record that OpenClass removed is in `tombstones`.",
        {
            "id": "OpenClass id, unique in its class",
            "grade": "as OpenClass sent it; its scale is decided by assignment when a class is read",
            "completed_at": "null while in progress",
            "synced_at": "when it was last stored",
            "is_suspect": "missing in one verified sync; removed if it is missing in the next",
        },
    ),
    "tombstones": ("Records that OpenClass has no more.", {"removed_at": "when two syncs had missed it"}),
    "enrolments": (
        "The roster as it was imported. A line is matched to a student when it is read, so there is no "
        "key to `students`.",
        {
            "night": "class night",
            "student_id": "as the file has it",
            "stand_in_id": "the id of the student until OpenClass has records of them",
        },
    ),
    "student_aliases": (
        "Ids that students had while they were only on the roster, with those of now.",
        {"old_id": "the stand-in id", "student_id": "OpenClass id"},
    ),
    "imported_groups": (
        "Class night and region of students as an earlier tool had them. The roster takes precedence.",
        {"night": "class night"},
    ),
    "band_counts": (
        "Closed classes: how many students each risk band had at the end of each quarter of the course, and "
        "how many of them were lost.",
        {"quarter": "from 1", "lost": "failed or withdrew"},
    ),
    "mentors": ("The mentors as they were imported.", {"night": "class night"}),
    "jobs": (
        "The syncs, one row for each press of *Sync now*. Order by `id`, never by time: clocks are set back.",
        {
            "state": "running, done, partial, failed, cancelled or interrupted; a killed one runs until "
            "the next sync",
            "asked_by": "dashboard, cli, api or schedule",
        },
    ),
    "runs": (
        "The classes in each sync.",
        {
            "kind": "full or incremental",
            "is_clean": "the records were verified",
            "quarantined": "records set aside",
        },
    ),
    "sync_history": ("The pages that each run stored.", {}),
    "quarantine": (
        "Records of OpenClass that cannot be used, with the reason.",
        {"row_key": "OpenClass id, or a hash", "payload": "the record as it came, with personal data"},
    ),
    "changes": (
        "What syncs saw change, in order of `id`. Leave out those of a run that is still running: it is "
        "half a sync.",
        {
            "kind": "added, changed, removed or returned",
            "field": "of a changed record",
            "old": "value before; of a removed record all values, as JSON",
            "new": "value after; of an added or returned record all values, as JSON",
        },
    ),
    "audit": ("Who did what. It names no student.", {"who": "cli, dashboard, api, or a token and its name"}),
}


def text() -> str:
    """Return the whole document."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        bring_up_to_date(connection)
        names = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
                "ESCAPE '\\' ORDER BY rowid"
            )
        ]
        parts = [INTRODUCTION, "## Tables for reading\n"]
        parts += [_describe(connection, name) for name in names if name in TABLES]
        parts.append(
            "## Not for reading\n\nThese hold what the program needs for itself. They can change in any "
            "version, and mean nothing without its rules.\n"
        )
        parts += [_describe(connection, name) for name in names if name not in TABLES]
    return "\n".join(parts)


def _describe(connection: sqlite3.Connection, table: str) -> str:
    meaning, columns = TABLES.get(table, ("", {}))
    references = {
        row[3]: f"→ `{row[2]}.{row[4]}`" for row in connection.execute(f"PRAGMA foreign_key_list({table})")
    }
    lines = [f"### {table}\n"]
    if meaning:
        lines.append(f"{meaning}\n")
    lines += ["| column | type | |", "|---|---|---|"]
    for _, name, kind, is_required, _, key in connection.execute(f"PRAGMA table_info({table})"):
        facts = [
            "key" if key else "",
            "" if is_required or key else "may be null",
            references.get(name, ""),
            columns.get(name, ""),
        ]
        lines.append(f"| `{name}` | {kind.lower()} | {'; '.join(fact for fact in facts if fact)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(text(), "utf-8")
