"""Migrations are frozen once released; homes of every earlier state open; a failure changes nothing."""

from __future__ import annotations

import hashlib
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database as SqliteUtilsDatabase

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.errors import DatabaseUnusable
from cohort_core.store import schema
from cohort_core.store.classes import load_index, load_statuses
from cohort_core.store.database import MIGRATION_NAMES, Database
from cohort_core.store.maintenance import file_problems
from cohort_core.store.schema_check import SCHEMA_CHECKSUM, expected_schema, read_schema, schema_checksum
from cohort_core.store.sync_runs import create_job
from cohort_core.store.tokens import load_tokens

RELEASED = {
    "m001_first_schema": "58ab8ac314d6a665",
    "m002_tokens_and_audit": "889fbb589820dce9",
    "m003_changes_by_run": "f4c8e664755ecd1f",
    "m004_repair_and_imported_groups": "a0bf7891156e81b8",
    "m005_roster_imports": "b59620c3a139feb9",
    "m008_contacts": "64b62e9f2215927b",
    "m009_closed_at": "f97a05b5bc4fce73",
    "m010_accounts": "f1784f9c9422cf61",
    "m011_student_pages": "9bd69f6e52ac734d",
    "m012_messages": "2dea36984d8e2805",
    "m006_values_as_sent": "84e602cfbb033828",
    "m007_closed_classes": "8826fbcdf0d3c6d5",
}
"""The digest of what each migration does to a new database. Add a line with yours; never change one."""

EARLY = sorted((Path(__file__).parent / "data" / "early").glob("*.sql"))
"""Homes as the program of each commit left them: made by its own `init` and `sync`, dumped as SQL."""


def test_a_released_migration_never_changes() -> None:
    digests = {}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        database = SqliteUtilsDatabase(connection)
        for migration in schema.migrations.pending(database):
            statements: list[str] = []
            connection.set_trace_callback(statements.append)
            migration.fn(database)
            connection.set_trace_callback(None)
            text = "\n".join(" ".join(statement.split()) for statement in statements)
            digests[migration.name] = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert digests == RELEASED, "a new migration belongs into RELEASED; an old one must not be edited"
    assert tuple(digests) == MIGRATION_NAMES


def test_the_digest_of_the_schema_is_right() -> None:
    assert schema_checksum(expected_schema()) == SCHEMA_CHECKSUM, "put the new checksum into schema_check.py"


def early_home(home: Home, dump: Path, *, was_opened_since: bool) -> Database:
    home.ensure()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.executescript(dump.read_text("utf-8"))
        if was_opened_since:
            # A program of before m004 opened it, and added the migrations that it knew.
            schema.migrations.apply(
                SqliteUtilsDatabase(connection), stop_before="m004_repair_and_imported_groups"
            )
    return Database(home)


@pytest.mark.parametrize("was_opened_since", [False, True])
@pytest.mark.parametrize("dump", EARLY, ids=lambda path: path.stem)
def test_homes_of_every_earlier_state_open(home: Home, dump: Path, was_opened_since: bool) -> None:
    database = early_home(home, dump, was_opened_since=was_opened_since)
    (status,) = load_statuses(database)
    assert (status.students, status.assignments, status.progressions) == (2, 2, 4)
    with closing(sqlite3.connect(database.path)) as connection:
        assert read_schema(connection) == expected_schema()
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    create_job(database, [status.id], asked_by="test", is_full=False, now=utc_now())
    assert file_problems(database.path) == []
    if "CREATE TABLE tokens" in dump.read_text("utf-8"):
        assert [token.name for token in load_tokens(database)] == ["ci"]
        Database(home).migrate()
        assert load_index(Database(home)).references
        assert home.guarded.exists()
    (before,) = home.backups.iterdir()
    assert stat.S_IMODE(before.stat().st_mode) == 0o600
    with closing(sqlite3.connect(before)) as connection:
        assert connection.execute("SELECT count(*) FROM progressions").fetchone()[0] == 4
        assert "m004_repair_and_imported_groups" not in str(
            connection.execute("SELECT name FROM _sqlite_migrations").fetchall()
        )


def test_there_are_all_six() -> None:
    assert len(EARLY) == 6


def contents(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def broken_later(database: SqliteUtilsDatabase) -> None:
    database.execute("DELETE FROM progressions")
    database.execute("INSERT INTO nothing VALUES (1)")


def broken_by_a_rule(database: SqliteUtilsDatabase) -> None:
    database.execute("DELETE FROM progressions")
    database.execute("INSERT INTO classes (id) VALUES ('x')")


def forgetful(database: SqliteUtilsDatabase) -> None:
    database.execute("DROP TABLE marks")


@pytest.mark.parametrize("function", [broken_later, broken_by_a_rule, forgetful])
def test_a_migration_that_fails_leaves_the_old_file(
    home: Home, monkeypatch: pytest.MonkeyPatch, function: Callable[[Any], None]
) -> None:
    database = early_home(home, EARLY[0], was_opened_since=True)
    before = contents(database.path)
    failing = type(schema.migrations)("cohort_tracker")
    for migration in schema.migrations.pending(SqliteUtilsDatabase(memory=True)):
        failing(name=migration.name)(migration.fn)
    expected_schema()
    failing(name="m998_fails")(function)
    monkeypatch.setattr(schema, "migrations", failing)
    with pytest.raises(DatabaseUnusable, match="Nothing was changed"):
        load_statuses(database)
    assert contents(database.path) == before
    assert contents(home.backups / "before-004.db") == before


def test_a_database_of_another_form_is_named(home: Home) -> None:
    Database(home).migrate()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("DROP TABLE changes")
        connection.execute("ALTER TABLE mentors ADD COLUMN extra TEXT")
        connection.commit()
    with pytest.raises(DatabaseUnusable, match=r"table changes is missing.*table mentors has another form"):
        load_statuses(Database(home))


def test_a_trigger_is_named(home: Home) -> None:
    Database(home).migrate()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("CREATE TRIGGER x AFTER INSERT ON audit BEGIN DELETE FROM students; END")
    with pytest.raises(DatabaseUnusable, match="trigger x is not ours"):
        load_statuses(Database(home))


def test_a_view_of_ones_own_is_left_alone(home: Home) -> None:
    Database(home).migrate()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("CREATE VIEW mine AS SELECT * FROM students")
    assert load_statuses(Database(home)) == []


def test_another_programs_database_is_left_alone(home: Home) -> None:
    home.ensure()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    before = home.database.read_bytes()
    with pytest.raises(DatabaseUnusable, match="another program"):
        load_statuses(Database(home))
    assert home.database.read_bytes() == before
