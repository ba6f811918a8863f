"""Opening the database: read-only for whoever reads, one writer at a time for whoever writes.

SQLite before 3.51.3 can, very rarely, damage a WAL database when two connections write or checkpoint at
the same moment. So every write transaction of any process, and every closing of a writing connection,
holds one short file lock of ours; readers open read-only and cannot checkpoint.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from cohort_core.config.paths import PRIVATE_FILE, Home
from cohort_core.errors import CohortError, DatabaseBusy, DatabaseNewer, DatabaseUnusable

BUSY_SECONDS = 10.0

WriteConnection = sqlite3.Connection
"""What ``Database.writer`` gives, for those who pass it on without speaking SQL."""

# Named here so that a reader can tell a later version's database without importing the migrations.
MIGRATION_NAMES = ("m001_first_schema", "m002_tokens_and_audit", "m003_changes_by_run")


class Database:
    """The database file of one home. Cheap to make; connections are opened when used."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.path = home.database
        self.busy_seconds = BUSY_SECONDS
        """How long to wait for others who write."""
        self._lock_file = FileLock(home.write_lock, mode=PRIVATE_FILE)
        self._is_checked = False

    @property
    def exists(self) -> bool:
        return self.path.exists()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A read-only connection in one transaction: everything read in it is of one moment."""
        if not self._is_checked:
            self._check_schema()
        with _translating_errors(self), closing(self._connect(read_only=True)) as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in one write transaction: committed at the end, rolled back on any error."""
        with self.writer() as connection, self.transaction(connection):
            yield connection

    @contextmanager
    def writer(self) -> Iterator[sqlite3.Connection]:
        """A writing connection for several ``transaction`` blocks, such as the pages of a sync."""
        if not self._is_checked:
            self._check_schema()
        with _translating_errors(self):
            connection = self._connect(read_only=False)
            try:
                yield connection
            finally:
                self._close(connection)

    def _close(self, connection: sqlite3.Connection) -> None:
        """Never raises: what was committed stands, and what went wrong is more than this."""
        try:
            with self._write_lock():
                connection.close()
        except CohortError:
            # Who holds the lock for so long has the database open, so this closing checkpoints nothing; and
            # where it cannot be taken, nobody writes.
            connection.close()

    @contextmanager
    def transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        with _translating_errors(self), self._write_lock():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                # A full disk can have rolled back already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _write_lock(self) -> Iterator[None]:
        try:
            self._lock_file.acquire(timeout=self.busy_seconds)
        except Timeout:
            raise _busy() from None
        except OSError as error:
            raise self.unusable(error.strerror) from error
        try:
            yield
        finally:
            self._lock_file.release()

    def migrate(self) -> None:
        """Make the database, or bring it up to date. Raises ``DatabaseNewer`` and ``DatabaseUnusable``."""
        try:
            self.home.ensure()
            # SQLite would make the file readable for everyone.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE))
        except OSError as error:
            raise DatabaseUnusable(
                f"The folder {self.home.folder} cannot be used ({error.strerror}). Make it writable, or set "
                "COHORT_HOME to another folder."
            ) from error
        with (
            _translating_errors(self),
            self._write_lock(),
            closing(self._connect(read_only=False)) as connection,
        ):
            refuse_newer(connection, self.path)
            connection.execute("PRAGMA journal_mode = WAL")
            bring_up_to_date(connection)
        self._is_checked = True

    def _check_schema(self) -> None:
        if not self.exists:
            self.migrate()
            return
        with _translating_errors(self), closing(self._connect(read_only=True)) as connection:
            applied = refuse_newer(connection, self.path)
        if applied != frozenset(MIGRATION_NAMES):
            self.migrate()
        self._is_checked = True

    def compact(self, connection: WriteConnection) -> None:
        """Give back free pages, in the file and in its write-ahead log, so that nothing deleted stays."""
        with self._write_lock():
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def replace_contents(self, source: sqlite3.Connection) -> None:
        """Make the database a copy of another one, in one transaction that readers see whole."""
        with self.writer() as connection, self._write_lock():
            source.backup(connection)
        self._is_checked = False

    def unusable(self, why: str | None) -> DatabaseUnusable:
        return DatabaseUnusable(
            f"The database {self.path} cannot be used ({why}). Check that the folder is yours to write and "
            "the disk is not full; if the file is damaged, move it away and sync again."
        )

    def connect_to_watch(self) -> sqlite3.Connection:
        """A read-only connection for one who looks often and never waits; theirs to close."""
        return self._connect(read_only=True, wait_seconds=0)

    def _connect(self, *, read_only: bool, wait_seconds: float | None = None) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={'ro' if read_only else 'rw'}",
            uri=True,
            timeout=self.busy_seconds if wait_seconds is None else wait_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        if not read_only:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection


def refuse_newer(connection: sqlite3.Connection, path: Path) -> frozenset[str]:
    """The names of the migrations that were applied, all known to this program, else ``DatabaseNewer``."""
    table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone()
    rows = connection.execute("SELECT name FROM _sqlite_migrations").fetchall() if table else []
    applied = frozenset(str(row[0]) for row in rows)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if applied - frozenset(MIGRATION_NAMES) or version > 0:
        raise DatabaseNewer(
            f"A later version of Cohort Tracker wrote {path}. Install that version, or set COHORT_HOME to "
            "another folder."
        )
    return applied


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Apply the migrations that a database has not seen."""
    from sqlite_utils import Database as SqliteUtilsDatabase

    from cohort_core.store.schema import migrations

    migrations.apply(SqliteUtilsDatabase(connection))


@contextmanager
def _translating_errors(database: Database) -> Iterator[None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        # The lowest byte is the kind; what is above says more.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise _busy() from error
        raise database.unusable(str(error)) from error


def _busy() -> DatabaseBusy:
    return DatabaseBusy(
        "Another program has held the database for longer than a sync does. End what that program does with "
        "it, and try again."
    )


def utc_text(instant: datetime) -> str:
    """An instant as the database holds it: UTC with milliseconds, ``2025-12-11T23:02:51.781Z``."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
