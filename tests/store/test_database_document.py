"""docs/database.md says what the migrations make."""

from __future__ import annotations

import importlib.util
import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from cohort_core.store.database import bring_up_to_date

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("database_reference", DOCS / "database_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_document_is_that_of_the_migrations(reference: ModuleType) -> None:
    written = (DOCS / "database.md").read_text("utf-8")
    assert written == reference.text(), "run python docs/database_reference.py"


def test_every_description_has_its_table_and_column(reference: ModuleType) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        bring_up_to_date(connection)
        for table, (_, columns) in reference.TABLES.items():
            there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            assert there
            assert set(columns) <= there, table


def test_secrets_and_digests_are_not_for_reading(reference: ModuleType) -> None:
    readable, _, internal = reference.text().partition("## Not for reading")
    for table in ("tokens", "purged_students", "purged_rows", "_sqlite_migrations"):
        assert f"### {table}\n" in internal
        assert f"### {table}\n" not in readable


def test_the_example_runs(reference: ModuleType) -> None:
    statement = reference.INTRODUCTION.partition("```sql")[2].partition("```")[0]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        bring_up_to_date(connection)
        assert connection.execute(statement).fetchall() == []
