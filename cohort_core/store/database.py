"""Connections to the database: readers open it read-only, and one connection at a time writes.

SQLite before 3.51.3 can, very rarely, damage a WAL database when two connections write or checkpoint at
the same moment. So every write transaction of any process, and every closing of a writing connection,
briefly holds our own file lock. Readers open the file read-only and cannot checkpoint.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cohort_core.config.paths import GUARDS, PRIVATE_FILE, PRIVATE_FOLDER, SQLITE_SUFFIXES, Home, open_private
from cohort_core.errors import CohortError, DatabaseBusy, DatabaseNewer, DatabaseUnusable
from cohort_core.store.backups import describe_loss, has_database, latest_backup, restore_advice
from cohort_core.store.schema_check import is_as_expected, missing_parts, read_schema

if TYPE_CHECKING:
    from filelock import FileLock

BUSY_SECONDS = 10.0

WriteConnection = sqlite3.Connection
"""The result of ``Database.writer``, for modules that pass it on and use no SQL."""

# Listed here so that reading can recognise a later version's database without importing the migrations.
MIGRATION_NAMES = (
    "m001_first_schema",
    "m002_tokens_and_audit",
    "m003_changes_by_run",
    "m004_repair_and_imported_groups",
    "m005_roster_imports",
    "m008_contacts",
    "m009_closed_at",
    "m010_accounts",
    "m011_student_pages",
    "m012_messages",
    "m006_values_as_sent",
    "m007_closed_classes",
)


class Database:
    """The database file of one home.

    It is cheap to create and safe to share between threads: each use opens its own connection. All methods
    raise ``DatabaseBusy``, ``DatabaseNewer`` or ``DatabaseUnusable``.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self.path = home.database
        self.busy_seconds = BUSY_SECONDS
        """How long to wait for other writers."""
        self._is_checked = False

    @cached_property
    def _lock_file(self) -> FileLock:
        # Imported late: readers need no lock, and its import takes a sixth of the time of `status`.
        from filelock import FileLock

        return FileLock(self.home.write_lock, mode=PRIVATE_FILE)

    @property
    def exists(self) -> bool:
        """True if the file exists and is not empty."""
        return has_database(self.home)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a read-only connection in one transaction, which sees one moment."""
        if not self._is_checked:
            self._check_schema()
        with _translating_errors(self), closing(self._connect(read_only=True)) as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a connection in one write transaction.

        It is committed at the end of the block, and rolled back on any error.
        """
        with self.writer() as connection, self.transaction(connection):
            yield connection

    @contextmanager
    def writer(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for several ``transaction`` blocks, such as a sync's pages."""
        if not self._is_checked:
            self._check_schema()
        with _translating_errors(self):
            connection = self._connect(read_only=False)
            try:
                yield connection
            finally:
                self._close(connection)

    def _close(self, connection: sqlite3.Connection) -> None:
        """Close a connection and never raise.

        Committed data is safe, and an error of the block must not be hidden by one of closing.
        """
        try:
            with self._write_lock():
                connection.close()
        except CohortError:
            # Closing without the lock is safe. If another process holds it, that has the database open, so
            # this connection is not the last one and checkpoints nothing. If nobody can take the lock,
            # nobody writes.
            connection.close()

    @contextmanager
    def transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Run a block in one write transaction of an open connection."""
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
        except TimeoutError:
            raise _busy() from None
        except OSError as error:
            raise self.unusable(f"{self.home.write_lock.name}: {error.strerror}") from error
        try:
            yield
        finally:
            self._lock_file.release()

    def migrate(self) -> None:
        """Create the database, or apply the migrations that are missing.

        Before it changes a database it copies it to ``backups/before-NNN.db``, where NNN is the number of the
        first migration. If anything fails, the database stays as it was.
        """
        try:
            self.home.ensure()
            # SQLite would create a file that everyone can read.
            open_private(self.path, "a").close()
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
            applied = refuse_newer(connection, self.path)
            if applied:
                self._copy_before(connection, applied)
            elif read_schema(connection):
                raise DatabaseUnusable(
                    f"{self.path} is the database of another program. Move it away, or set COHORT_HOME "
                    "to another folder."
                )
            connection.execute("PRAGMA journal_mode = WAL")
            bring_up_to_date(connection)
        self._is_checked = True

    def _copy_before(self, connection: sqlite3.Connection, applied: frozenset[str]) -> None:
        """Copy the database as it is before migrations that are missing change it."""
        missing = [name for name in MIGRATION_NAMES if name not in applied]
        if not missing:
            # Another process was faster.
            return
        target = self.home.backups / f"before-{missing[0][1:4]}.db"
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            self.home.backups.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            open_private(draft, "x").close()
            connection.execute("VACUUM INTO ?", (str(draft),))
            draft.replace(target)
        except OSError as error:
            raise self.unusable(error.strerror) from error
        finally:
            draft.unlink(missing_ok=True)

    def _check_schema(self) -> None:
        if not self.exists:
            # A new database would hide that the one of before is lost.
            lost = describe_loss(self.home) if latest_backup(self.home) else None
            if lost:
                raise DatabaseUnusable(lost)
            self.migrate()
            return
        with _translating_errors(self), closing(self._connect(read_only=True)) as connection:
            applied = refuse_newer(connection, self.path)
            if applied == frozenset(MIGRATION_NAMES):
                self._refuse_other_schema(connection)
                self._keep_guarded(connection)
        if applied != frozenset(MIGRATION_NAMES):
            self.migrate()
        self._is_checked = True

    def _refuse_other_schema(self, connection: sqlite3.Connection) -> None:
        if is_as_expected(connection):
            return
        problems = missing_parts(connection)
        if problems:
            raise DatabaseUnusable(
                f"The tables in {self.path} are not those of this version: {'; '.join(problems)}. "
                f"{restore_advice(self.home)}"
            )

    def _keep_guarded(self, connection: sqlite3.Connection) -> None:
        """Mark a home as guarded whose tokens or accounts are older than the mark."""
        with suppress(OSError):
            missing = frozenset(GUARDS) - self.home.guards()
            for table in sorted(missing):
                if connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():  # noqa: S608
                    self.home.mark_guarded(table)

    def free_name_aside(self) -> Path:
        """Return a free name beside the database, for the state before a restore."""
        name = "cohort.before-restore"
        aside = self.path.with_name(f"{name}.db")
        number = 1
        while aside.exists():
            number += 1
            aside = self.path.with_name(f"{name}-{number}.db")
        return aside

    def replace_file(self, draft: Path) -> Path | None:
        """Put another file in the place of this database.

        This one may be in any state.

        Returns the file of before, which was moved aside byte by byte together with SQLite's parts of it;
        None if there was none. Nobody may have ``draft`` open.
        """
        aside = self.free_name_aside()
        moved: list[tuple[Path, Path]] = []
        with self._write_lock():
            try:
                # Its parts go first: a new file beside an old part would be mixed with it.
                for suffix in (*SQLITE_SUFFIXES, ""):
                    part = Path(f"{self.path}{suffix}")
                    if part.exists():
                        moved.append((part, part.replace(f"{aside}{suffix}")))
                draft.replace(self.path)
            except BaseException as error:
                for part, kept in reversed(moved):
                    kept.replace(part)
                if isinstance(error, OSError):
                    raise self.unusable(error.strerror) from error
                raise
        self._is_checked = False
        return aside if any(part == self.path for part, _ in moved) else None

    def compact(self, connection: WriteConnection) -> None:
        """Remove free pages from the file and its write-ahead log.

        Afterwards no deleted content is left on the disk.
        """
        with _translating_errors(self), self._write_lock():
            connection.execute("VACUUM")
            is_blocked = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if is_blocked:
            raise _busy()

    def replace_contents(self, source: sqlite3.Connection) -> None:
        """Replace the database by a copy of another one, in one transaction."""
        with self.writer() as connection, self._write_lock():
            source.backup(connection)
        self._is_checked = False

    def forget_log(self) -> None:
        """Remove deleted content from the write-ahead log.

        While somebody reads it stays, until the next time.
        """
        with suppress(CohortError), self.writer() as connection, self._write_lock():
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def unusable(self, reason: str | None, code: int = 0) -> DatabaseUnusable:
        """Make the error for a database that SQLite or the system refuses.

        ``code`` is SQLite's, of which the lowest byte is the kind of error.
        """
        match code & 0xFF:
            case sqlite3.SQLITE_FULL:
                advice = "Nothing was stored. Free some space on the disk, and do it again."
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                advice = f"The file is damaged. {restore_advice(self.home)}"
            case _ if self.path.is_dir():
                advice = f"A folder stands in its place. {restore_advice(self.home)}"
            case _:
                advice = "Check that the folder is yours to write and the disk is not full, and try again."
        return DatabaseUnusable(f"The database {self.path} cannot be used ({reason}). {advice}")

    def connect_to_watch(self) -> sqlite3.Connection:
        """Open a read-only connection that never waits; the caller must close it."""
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
    """Return the names of the applied migrations.

    Raises ``DatabaseNewer`` if a later version of this program wrote the database.
    """
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
    """Apply the migrations that are missing in a database, all or none.

    Raises ``DatabaseUnusable`` if its tables are then not those of this version. The connection must have
    ``isolation_level`` None.
    """
    from sqlite_utils import Database as SqliteUtilsDatabase

    from cohort_core.store.schema import migrations

    # Tables may be made anew, to which others refer.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        migrations.apply(SqliteUtilsDatabase(connection))
        problems = missing_parts(connection)
        if problems:
            raise _not_migrated(f"a form that no released version wrote: {'; '.join(problems)}")
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (
            sqlite3.SQLITE_ERROR,
            sqlite3.SQLITE_CONSTRAINT,
        ):
            raise
        raise _not_migrated(str(error)) from error
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("PRAGMA foreign_keys = ON")


def _not_migrated(reason: str) -> DatabaseUnusable:
    return DatabaseUnusable(
        f"The database cannot be brought to the form of this version ({reason}). Nothing was changed. "
        "Restore a backup with `cohort-tracker restore FILE`, or go back to the version of before."
    )


@contextmanager
def _translating_errors(database: Database) -> Iterator[None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        # The lowest byte is the kind of error; the higher ones are details.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise _busy() from error
        raise database.unusable(str(error), getattr(error, "sqlite_errorcode", 0)) from error


def _busy() -> DatabaseBusy:
    return DatabaseBusy(
        "Another program has held the database for longer than a sync does. End what that program does with "
        "it, and try again."
    )


def utc_text(instant: datetime) -> str:
    """Format an instant as the database holds it, such as ``2025-12-11T23:02:51.781Z``."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
