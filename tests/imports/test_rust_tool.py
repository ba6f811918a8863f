"""Moving in from the Rust tool, with files as its binary writes them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cohort_core.errors import BadInput, DatabaseBusy
from cohort_core.imports import rust_tool_db
from cohort_core.imports.rust_tool import import_rust_db
from cohort_core.practice.school import hex_id
from cohort_core.store.classes import load_statuses
from cohort_core.store.roster import load_mentors
from tests.cli.test_cli import Shell, failed
from tests.cli.test_cli import shell as shell  # a fixture
from tests.cli.test_cli import upstream as upstream  # a fixture
from tests.sync.conftest import SyncedClass, id_of, instant
from tests.sync.conftest import synced as synced  # a fixture

CREATE = """
CREATE TABLE classes (id TEXT PRIMARY KEY, name TEXT NOT NULL, friendly_id TEXT NOT NULL,
  is_active INTEGER NOT NULL DEFAULT 0, synced_at TEXT);
CREATE TABLE students (id TEXT PRIMARY KEY, class_id TEXT NOT NULL, first_name TEXT NOT NULL,
  last_name TEXT NOT NULL, email TEXT NOT NULL, region TEXT, night TEXT);
CREATE TABLE mentors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, night TEXT NOT NULL);
CREATE TABLE assignments (id TEXT PRIMARY KEY, class_id TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
  section TEXT);
CREATE TABLE progressions(id TEXT PRIMARY KEY, class_id, student_id, assignment_id, grade REAL,
  started_at TEXT NOT NULL, completed_at TEXT NOT NULL, reviewed_at TEXT, synced_at TEXT NOT NULL);
CREATE TABLE sync_history(id INTEGER PRIMARY KEY, class_id TEXT, synced_at TEXT NOT NULL, page INTEGER);
"""
SECONDS = 1772409600
CLASS = hex_id("class", "Class")


def student_id(number: int) -> str:
    return hex_id("student", f"student {number}")


def assignment_id(number: int) -> str:
    return hex_id("assignment", f"assignment {number}")


def progression(number: int, **changed: Any) -> tuple[Any, ...]:
    """Return a row as the binary writes it: Unix seconds as text, '' for open work."""
    at = instant(number)
    values = {
        "id": id_of(number),
        "class_id": CLASS,
        "student_id": student_id(number % 4),
        "assignment_id": assignment_id(number // 4),
        "grade": 0.5,
        "started_at": at,
        "completed_at": at if number else "",
        "reviewed_at": None,
        "synced_at": str(SECONDS),
    }
    return tuple((values | changed).values())


def rust_file(
    path: Path, *more: tuple[Any, ...], rows: int = 6, create: str = CREATE, statements: str = ""
) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(create)
        there = {
            table: len(connection.execute(f"PRAGMA table_info({table})").fetchall())
            for table in ("classes", "students", "assignments")
        }

        def insert(table: str, rows: list[tuple[Any, ...]]) -> None:
            places = ", ".join("?" * there[table])
            connection.executemany(
                f"INSERT INTO {table} VALUES ({places})",
                [row[: there[table]] for row in rows],
            )

        insert("classes", [(CLASS, "Class", "class", 1, str(SECONDS))])
        # The last one has left OpenClass; the tool never removed anybody.
        students = [
            (student_id(n), CLASS, f"Student {n}", "Practice", "", "North", "Tuesday") for n in range(5)
        ]
        insert("students", students)
        assignments = [
            (assignment_id(n), CLASS, f"Assignment {n}", "lesson", "Week 1" if n < 2 else None)
            for n in range(3)
        ]
        insert("assignments", assignments)
        connection.executemany(
            "INSERT INTO progressions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [progression(n) for n in range(rows)] + list(more),
        )
        connection.execute("INSERT INTO sync_history VALUES (1, ?, ?, 0)", (CLASS, str(SECONDS)))
        if "mentors" in create:
            connection.execute("INSERT INTO mentors VALUES (1, 'Mira', 'Tuesday')")
        connection.executescript(statements)
        connection.commit()
    return path


def test_the_types_of_the_binary_are_read(synced: SyncedClass, tmp_path: Path) -> None:
    bad = progression(20, grade=7.5, started_at="often")
    lost = progression(21, student_id="nobody")
    result = import_rust_db(synced.workspace.database, rust_file(tmp_path / "rust.db", bad, lost))
    assert (result.classes, result.students, result.progressions, result.mentors) == (1, 4, 6, 1)
    assert {identity for _, identity, _ in result.unusable} == {id_of(20), id_of(21)}
    # The open one: started, not completed.
    assert synced.held()[id_of(0)][3:6] == (0.5, instant(0), None)
    (status,) = load_statuses(synced.workspace.database)
    assert status.synced_at is not None
    assert datetime.fromisoformat(status.synced_at) == datetime.fromtimestamp(SECONDS, UTC)
    cohort = synced.workspace.cohorts.cohort(synced.id, group="Tuesday")
    assert len(cohort.students) == 4
    assert list(cohort.assignments["section"].dropna().unique()) == ["Week 1"]
    assert [mentor.name for mentor in load_mentors(synced.workspace.database)] == ["Mira"]
    (run,) = synced.sync().runs
    assert (run.kind, run.is_clean, run.added, run.changed) == ("full", True, 6, 6)
    assert len(synced.held()) == 12


def test_nobody_is_enrolled_and_groups_stay_for_those_who_are_there(
    synced: SyncedClass, tmp_path: Path
) -> None:
    """The tool never removed anybody: five students in its file, four of them with records."""
    import_rust_db(synced.workspace.database, rust_file(tmp_path / "rust.db"))
    for _ in range(2):
        students = synced.workspace.cohorts.class_data(synced.id).students
        assert student_id(4) not in set(students["student_id"])
        seen = students[students["student_id"].isin([student_id(n) for n in range(4)])]
        assert len(seen) == 4
        assert set(seen["night"]) == {"Tuesday"}
        assert set(seen["region"]) == {"North"}
        synced.sync()


def test_over_a_class_that_was_synced_here_only_groups_are_taken(synced: SyncedClass, tmp_path: Path) -> None:
    synced.sync()
    before = synced.held()
    file = rust_file(tmp_path / "rust.db")
    result = import_rust_db(synced.workspace.database, file)
    assert (result.classes, result.progressions, result.groups, result.known_classes) == (0, 0, 5, 1)
    assert synced.held() == before
    assert "Tuesday" in set(synced.workspace.cohorts.class_data(synced.id).students["night"])
    with pytest.raises(BadInput, match="nothing to take over"):
        import_rust_db(synced.workspace.database, file)


OLD = {
    "before sections": CREATE.replace(",\n  section TEXT);", ");"),
    "before regions": CREATE.replace(", region TEXT, night TEXT", ""),
    "before mentors": CREATE.replace(
        "CREATE TABLE mentors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, night TEXT NOT NULL);", ""
    ),
    "before times of classes": CREATE.replace(", synced_at TEXT);", ");", 1),
}


@pytest.mark.parametrize("age", OLD)
def test_files_of_every_age_are_taken(synced: SyncedClass, tmp_path: Path, age: str) -> None:
    assert OLD[age] != CREATE
    result = import_rust_db(synced.workspace.database, rust_file(tmp_path / "rust.db", create=OLD[age]))
    assert (result.classes, result.progressions) == (1, 6)
    assert result.has_sections == (age != "before sections")
    assert len(synced.workspace.cohorts.class_data(synced.id).progressions) == 6


def test_a_file_that_another_program_writes_is_called_busy(
    synced: SyncedClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = rust_file(tmp_path / "rust.db")
    monkeypatch.setattr(rust_tool_db, "BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseBusy, match="Rust tool"):
            import_rust_db(synced.workspace.database, file)
    assert load_statuses(synced.workspace.database)[0].progressions == 0


def test_a_short_write_is_waited_for(synced: SyncedClass, tmp_path: Path) -> None:
    file = rust_file(tmp_path / "rust.db")
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.5, lambda: other.execute("ROLLBACK")).start()
    assert import_rust_db(synced.workspace.database, file).progressions == 6
    other.close()


CRASH = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("UPDATE progressions SET grade = 0.9, reviewed_at = hex(randomblob(3000))")
os._exit(1)
"""


def test_a_file_whose_tool_was_killed_is_read_as_it_was_before(synced: SyncedClass, tmp_path: Path) -> None:
    file = rust_file(tmp_path / "rust.db")
    subprocess.run([sys.executable, "-c", CRASH, str(file)], check=False)
    assert Path(f"{file}-journal").stat().st_size
    before = file.read_bytes()
    assert import_rust_db(synced.workspace.database, file).progressions == 6
    assert synced.held()[id_of(1)][3] == 0.5
    assert file.read_bytes() == before


def test_what_is_no_file_of_the_tool_is_said(synced: SyncedClass, tmp_path: Path) -> None:
    (tmp_path / "other.db").write_text("no database")
    with pytest.raises(BadInput, match="cannot be read as the Rust tool"):
        import_rust_db(synced.workspace.database, tmp_path / "other.db")
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(BadInput, match="lacks"):
        import_rust_db(synced.workspace.database, tmp_path / "empty.db")
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        connection.executescript(CREATE)
    with pytest.raises(BadInput, match="is empty"):
        import_rust_db(synced.workspace.database, tmp_path / "new.db")
    other = CREATE.replace("student_id, assignment_id", "user, task")
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.executescript(other)
    with pytest.raises(BadInput, match="another version"):
        import_rust_db(synced.workspace.database, tmp_path / "old.db")
    assert load_statuses(synced.workspace.database)[0].progressions == 0


def test_the_command_says_each_reason_once(shell: Shell, tmp_path: Path) -> None:
    rows = [progression(100 + n, synced_at="yesterday") for n in range(3000)]
    useless = rust_file(tmp_path / "useless.db", *rows, rows=0)
    done = shell.run("import", "--rust-db", str(useless))
    assert failed(done) == 2
    assert done.stderr.count("is not an ISO 8601 time") == 1
    assert "3000 of progressions" in done.stderr
    assert len(done.stderr.splitlines()) < 4
    partly = rust_file(tmp_path / "partly.db", *rows)
    done = shell.run("import", "--rust-db", str(partly))
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["partly.db: not used: 3000 of progressions: is not an ISO 8601 time"]
    assert "6 progressions" in done.stdout


def test_the_login_of_the_tool_is_offered_and_never_taken_unasked(shell: Shell, tmp_path: Path) -> None:
    from cohort_core import practice

    settings = tmp_path / ".cohort-tracker.toml"
    settings.write_text(
        f'email = "{practice.EMAIL}"\npassword = "{practice.PASSWORD}"\napi_base = "{shell.upstream.url}"\n'
    )
    school = ("--app-id", practice.APP_ID, "--origin", practice.ORIGIN, "--classes", "web-cohort-3")
    refused = shell.run("init", *school)
    assert failed(refused) == 2
    assert "--from-rust-tool" in refused.stderr
    assert not shell.home.exists() or not (shell.home / "config.toml").exists()
    done = shell.run("init", "--from-rust-tool", *school)
    assert done.returncode == 0, done.stderr
    assert "password" not in (shell.home / "config.toml").read_text()
    assert "plain text" in done.stdout
    settings.unlink()
    assert failed(shell.run("init", "--from-rust-tool", *school)) == 2
