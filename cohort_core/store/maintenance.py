"""Backup, restore and integrity checks of the database."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from cohort_core.clock import utc_now
from cohort_core.config.paths import (
    PRIVATE_FOLDER,
    RESTORE_PREFIX,
    SQLITE_SUFFIXES,
    Guard,
    Home,
    open_private,
)
from cohort_core.errors import BadInput, DatabaseNewer, DatabaseUnusable
from cohort_core.store.audit import (
    CREATED_ACCOUNT,
    CREATED_TOKEN,
    OPENED,
    REMOVED_ACCOUNTS,
    add_event,
    save_event,
)
from cohort_core.store.database import Database, bring_up_to_date, refuse_newer
from cohort_core.store.schema_check import foreign_parts
from cohort_core.store.sync_runs import end_copied_jobs

_SECRETS = (
    *("deliveries", "outbox_students", "outbox", "destinations", "spells"),
    *("sessions", "invitations", "student_sessions", "student_links", "accounts", "tokens"),
)
"""Tables that no backup holds, children first."""
_MESSAGES = ("destinations", "outbox", "outbox_students", "deliveries")
_NEVER_RESTORED = (
    *("accounts", "sessions", "invitations", "student_links", "student_sessions", "tokens", "audit"),
    *_MESSAGES,
)
_GUARDED_BY: tuple[tuple[Guard, str, tuple[str, ...]], ...] = (
    ("accounts", CREATED_ACCOUNT, (REMOVED_ACCOUNTS, OPENED)),
    ("tokens", CREATED_TOKEN, (OPENED,)),
)
"""Each guard, with the events of the audit that begin and end it."""


def backup(database: Database, target: Path, *, replace: bool = False, asked_by: str) -> int:
    """Copy the database into a private file; return its size in bytes.

    It may be used while everything runs: the copy is of one moment, and is checked before it gets the name.
    Tokens, accounts, sessions, invitations, the links of students and messages are left out.
    Raises ``BadInput`` if the file exists and ``replace`` is not set, or if it cannot be written.
    """
    database.home.refuse_own_file(target, "file")
    if target.exists() and not replace:
        raise BadInput(f"{target} is there already. Choose another name, or say --force.", parameter="file")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        # SQLite would create a file that everyone can read; it accepts an existing empty one.
        open_private(draft, "x").close()
        save_event(database, asked_by, "backup", target.name)
        with database.writer() as connection:
            _copy_into(connection, draft, target)
        _leave_out_secrets(draft)
        problems = file_problems(draft)
        if problems:
            raise DatabaseUnusable(
                "The copy did not come out whole, so it was not kept. Run `cohort-tracker doctor`."
            )
        draft.replace(target)
    except OSError as error:
        raise BadInput(
            f"{target} cannot be written ({error.strerror}). Choose another folder.", parameter="file"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return target.stat().st_size


def _copy_into(connection: sqlite3.Connection, draft: Path, target: Path) -> None:
    try:
        connection.execute("VACUUM INTO ?", (str(draft),))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
            raise
        raise BadInput(
            f"There is too little space on the disk for {target}. Nothing was changed. Free some space, "
            "or choose another disk.",
            parameter="file",
        ) from None


def _leave_out_secrets(draft: Path) -> None:
    """Erase tokens, accounts, sessions and messages from a copy, also from its free pages."""
    with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
        copy.execute("PRAGMA secure_delete = ON")
        for table in _SECRETS:
            copy.execute(f"DELETE FROM {table}")  # noqa: S608
        copy.execute(_NO_EVENTS_YET)


_NO_EVENTS_YET = "UPDATE classes SET events_revision = NULL, events_basis = NULL"
"""After it the first events of a class say nothing, since nothing happened."""


def back_up_here(database: Database, now: datetime, *, asked_by: str) -> Path:
    """Back up into the folder beside the database, named by the time; return the file."""
    folder = database.home.backups
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be made ({error.strerror}). Check that the data folder is yours to write.",
            parameter="file",
        ) from None
    target = folder / f"cohort-{now:%Y-%m-%d-%H%M%S}.db"
    backup(database, target, replace=True, asked_by=asked_by)
    return target


def restore(database: Database, source: Path, *, asked_by: str) -> Path | None:
    """Replace the database by a backup, and keep the one of before.

    Returns the file of the database of before, None if there was none.

    The caller must hold the sync lock, so that no sync writes meanwhile. The backup is checked first; if
    anything is wrong with it, nothing changes and ``BadInput`` or ``DatabaseNewer`` is raised. A present
    database that is damaged is moved aside byte by byte.

    Tokens, accounts with their sessions, the links of students, and the audit log stay as they are: an old
    backup must not make revoked tokens valid or remove events. If these cannot be read, there are none
    afterwards, and a home that was guarded is closed. So is one whose backup says in its audit that it was.
    Destinations and their messages stay as well, so that nothing is sent twice; those of a backup do not come
    back.
    """
    if database.home.is_own_file(source):
        raise BadInput(
            f"{source} is a file of the data folder itself. Choose one that `cohort-tracker backup` made.",
            parameter="file",
        )
    _refuse_no_file(source)
    with closing(_load_backup(database.home, source)) as whole:
        before = database.free_name_aside()
        is_sound = _is_sound(database)
        if is_sound:
            backup(database, before, asked_by=asked_by)
        _keep_for_restore(database, whole)
        add_event(whole, asked_by, "restore", source.name)
        if not is_sound:
            return _replace_file(database, whole)
        database.replace_contents(whole)
    return before


def _refuse_no_file(source: Path) -> None:
    """Raise ``BadInput`` for a backup that is no file or cannot be read.

    Opening a pipe would wait for ever.
    """
    try:
        mode = source.stat().st_mode
        if stat.S_ISREG(mode):
            source.open("rb").close()
            return
    except OSError as error:
        problem = (
            "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        )
    else:
        problem = "is a folder" if stat.S_ISDIR(mode) else "is no ordinary file, but a pipe or a device"
    raise BadInput(f"{source} {problem}. Choose a file that `cohort-tracker backup` made.", parameter="file")


def _load_backup(home: Home, source: Path) -> sqlite3.Connection:
    """Load a checked backup into memory, in the form of this version."""
    whole = sqlite3.connect(":memory:", isolation_level=None)
    try:
        with _complete(home, source) as file:
            problems = file_problems(file)
            if problems:
                raise BadInput(
                    f"{source} is no sound backup: {problems[0]}. Choose another.", parameter="file"
                )
            with closing(_open_alone(file)) as copy:
                if not refuse_newer(copy, source):
                    raise BadInput(
                        f"{source} is not a backup of Cohort Tracker. Choose another.", parameter="file"
                    )
                copy.backup(whole)
        # Triggers would run at every later write, and already at the migrations.
        _refuse_parts(source, [part for part in foreign_parts(whole) if part.startswith(("trigger", "view"))])
        try:
            bring_up_to_date(whole)
        except DatabaseUnusable:
            raise BadInput(
                f"{source} is no sound backup: its tables are not those of any version. Choose another.",
                parameter="file",
            ) from None
        _refuse_parts(source, foreign_parts(whole))
        whole.row_factory = sqlite3.Row
        end_copied_jobs(whole, utc_now())
    except BaseException:
        whole.close()
        raise
    return whole


@contextlib.contextmanager
def _complete(home: Home, source: Path) -> Iterator[Path]:
    """Give a database file that holds everything.

    Whoever copied a database by hand, while it was open, has its latest part in a second file.
    """
    log = Path(f"{source}-wal")
    if not (log.is_file() and log.stat().st_size):
        yield source
        return
    home.ensure()
    with tempfile.TemporaryDirectory(prefix=RESTORE_PREFIX, dir=home.folder) as folder:
        whole = Path(folder) / "whole.db"
        shutil.copyfile(source, whole)
        shutil.copyfile(log, f"{whole}-wal")
        with contextlib.suppress(sqlite3.DatabaseError), closing(sqlite3.connect(whole)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        yield whole


def _refuse_parts(source: Path, parts: list[str]) -> None:
    if parts:
        raise BadInput(
            f"{source} holds what Cohort Tracker does not make: {', '.join(parts)}. Choose a file that "
            "`cohort-tracker backup` made.",
            parameter="file",
        )


def _is_sound(database: Database) -> bool:
    """Return True if the present database can be used and copied."""
    if not database.exists:
        return False
    try:
        with database.reading() as connection:
            return not check(connection)
    except (DatabaseUnusable, DatabaseNewer):
        return False


def _replace_file(database: Database, whole: sqlite3.Connection) -> Path | None:
    """Write a database file, and move the present one aside for it."""
    draft = database.path.with_name(f".{database.path.name}.{os.getpid()}")
    try:
        database.home.ensure()
        open_private(draft, "x").close()
        with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
            whole.backup(copy)
            copy.execute("PRAGMA journal_mode = WAL")
        if file_problems(draft):
            raise DatabaseUnusable("The backup could not be copied whole. Nothing was changed; try again.")
        return database.replace_file(draft)
    except sqlite3.DatabaseError as error:
        raise database.unusable(str(error), getattr(error, "sqlite_errorcode", 0)) from error
    finally:
        for suffix in (*SQLITE_SUFFIXES, ""):
            Path(f"{draft}{suffix}").unlink(missing_ok=True)


def _keep_for_restore(database: Database, whole: sqlite3.Connection) -> None:
    """Copy tokens, accounts and audit into the restored database, if they can be read."""
    kept = {table: _rows_of(database, table) for table in _NEVER_RESTORED}
    for guard, begin, ends in _GUARDED_BY:
        if kept[guard] is None and _was_guarded(whole, guard, begin, ends):
            database.home.ensure()
            database.home.mark_guarded(guard)
    for table in _SECRETS:
        whole.execute(f"DELETE FROM {table}")  # noqa: S608
    for table, rows in kept.items():
        if rows is None or (table in {"sessions", "invitations", *_MESSAGES} and kept["accounts"] is None):
            continue
        if table in _MESSAGES and kept["destinations"] is None:
            continue
        whole.execute(f"DELETE FROM {table}")  # noqa: S608
        columns = [str(info[1]) for info in whole.execute(f"PRAGMA table_info({table})")]
        for values in rows:
            # A later version may have more columns.
            row = {name: value for name, value in values.items() if name in columns}
            names, places = ", ".join(row), ", ".join("?" * len(row))
            whole.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(row.values()))  # noqa: S608
    revisions = _rows_of(database, "classes")
    newest = max((row["revision"] for row in revisions or []), default=0)
    if revisions is None:
        # Readers cache data by revision, so no earlier revision may be used again for other data.
        newest = int(utc_now().timestamp())
    whole.execute("UPDATE classes SET revision = revision + ? + 1", (newest,))
    whole.execute(_NO_EVENTS_YET)


def _was_guarded(whole: sqlite3.Connection, guard: Guard, begin: str, ends: tuple[str, ...]) -> bool:
    """Return True if tokens or accounts protected the database of a backup.

    Backups of earlier versions hold the rows themselves; later ones say it in their audit.
    """
    if whole.execute(f"SELECT 1 FROM {guard} LIMIT 1").fetchone():  # noqa: S608
        return True
    actions = [row["action"] for row in whole.execute("SELECT action FROM audit ORDER BY id DESC")]
    return next((action == begin for action in actions if action in (begin, *ends)), False)


def _rows_of(database: Database, table: str) -> list[dict[str, Any]] | None:
    """Read a table of the present database, of any version.

    Returns None if that is impossible.
    """
    if not database.exists:
        return None
    try:
        with closing(database.connect_to_watch()) as connection:
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
    except sqlite3.DatabaseError:
        return None
    return [dict(row) for row in rows]


def file_problems(path: Path) -> list[str]:
    """Describe what is wrong with a database file; empty if it is sound."""
    if not path.is_file():
        return ["it is not there"]
    try:
        with closing(_open_alone(path)) as connection:
            return check(connection)
    except sqlite3.DatabaseError:
        return ["it is not a database"]


def check(connection: sqlite3.Connection) -> list[str]:
    """Describe what SQLite's integrity and foreign key checks report; empty if all is well."""
    problems = [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if orphans:
        problems.append(f"{len(orphans)} rows refer to something that is not there")
    return problems


def _open_alone(path: Path) -> sqlite3.Connection:
    """Open a file that nobody writes, read-only and without creating files beside it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
