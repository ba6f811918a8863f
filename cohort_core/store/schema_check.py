"""Compares the tables of a database with those that the migrations make.

A migration says only that it once ran. If it was edited later, or a table was dropped by hand, the database
is not what this version reads, and every statement could fail with another error.
"""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Mapping
from functools import cache

SCHEMA_CHECKSUM = 1761417120
"""The checksum of the schema of all migrations.

With it, opening a database need not run them.

After adding a migration, `pytest tests/store/test_migrations.py` says the new one. A wrong one only costs
time.
"""

Schema = Mapping[tuple[str, str], str]
"""The statement of each table, index, trigger and view, by its type and name."""


def read_schema(connection: sqlite3.Connection) -> Schema:
    """Read the schema of a database, without SQLite's own tables and the list of migrations."""
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_master "
        "WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name != "
        "'_sqlite_migrations'"
    )
    return {(str(row[0]), str(row[1])): normalised(str(row[2])) for row in rows}


def normalised(statement: str) -> str:
    """Return a statement without what does not change its meaning: blanks, and quotes around names."""
    return re.sub(r"\s*([(),])\s*", r"\1", " ".join(re.sub(r'["`\[\]]', " ", statement).split()))


def schema_checksum(schema: Schema) -> int:
    """Compute the checksum of a schema.

    It finds accidents, so it need not be a cryptographic one, whose import takes a tenth of the time of
    ``status``.
    """
    lines = "\n".join(f"{kind} {name} {statement}" for (kind, name), statement in sorted(schema.items()))
    return zlib.crc32(lines.encode())


@cache
def expected_schema() -> Schema:
    """Return the schema that all migrations make.

    It takes half a second, as it imports sqlite-utils.
    """
    from contextlib import closing

    from sqlite_utils import Database

    from cohort_core.store.schema import migrations

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrations.apply(Database(connection))
        return read_schema(connection)


def is_as_expected(connection: sqlite3.Connection) -> bool:
    """Return True if the schema is exactly that of the migrations."""
    schema = read_schema(connection)
    return schema_checksum(schema) == SCHEMA_CHECKSUM or schema == expected_schema()


def missing_parts(connection: sqlite3.Connection) -> list[str]:
    """Name parts that are missing or different, and triggers.

    A trigger can undo or change any write.
    """
    schema, expected = read_schema(connection), expected_schema()
    lost = [f"{kind} {name} is missing" for kind, name in expected if (kind, name) not in schema]
    other = [
        f"{kind} {name} has another form"
        for (kind, name), statement in expected.items()
        if schema.get((kind, name), statement) != statement
    ]
    triggers = [f"{kind} {name} is not ours" for kind, name in schema if kind == "trigger"]
    return [*lost, *other, *triggers]


def foreign_parts(connection: sqlite3.Connection) -> list[str]:
    """Name the tables, indexes, triggers and views that no migration makes."""
    if is_as_expected(connection):
        return []
    return [
        f"{kind} {name}" for kind, name in read_schema(connection) if (kind, name) not in expected_schema()
    ]
