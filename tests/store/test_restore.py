"""Restore drills: a good backup over each kind of damage; every table is equal and the door stays shut."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.dashboard import sync_panel
from cohort_core.errors import BadInput, CohortError, DatabaseUnusable
from cohort_core.practice.faults import Fault
from cohort_core.store import accounts, maintenance
from cohort_core.store.audit import load_events
from cohort_core.store.classes import load_statuses
from cohort_core.store.database import Database
from cohort_core.store.guard import is_closed
from cohort_core.store.maintenance import backup, file_problems, restore
from cohort_core.store.sync_runs import create_job
from cohort_core.store.tokens import create_token, digest, load_tokens, revoke_token
from cohort_core.sync import lock
from tests.conftest import unavailable
from tests.store.test_migrations import EARLY, early_home
from tests.sync.conftest import SyncedClass
from tests.sync.conftest import synced as synced  # a fixture

SYNCED_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table, without those that a restore must change."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute(SYNCED_TABLES)]
        held = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}
        held["classes"] = connection.execute("SELECT id, name, is_active, synced_at FROM classes").fetchall()
    return {
        name: rows for name, rows in held.items() if name not in {"tokens", "audit", "_sqlite_migrations"}
    }


def orphans(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM students")
        connection.commit()


def malformed(path: Path) -> None:
    """Pair the database with parts of another one, as a copy over an open database did."""
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = random.Random(page).randbytes(64)
    path.write_bytes(data)


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(300_000))


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "file").write_text("mine")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9")


def without_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE changes")


def with_a_trigger(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TRIGGER x AFTER INSERT ON audit BEGIN DELETE FROM students; END")


DAMAGE: list[Callable[[Path], None]] = [
    *(
        orphans,
        malformed,
        garbage,
        cut_short,
        missing,
        empty,
        a_folder,
        newer,
        without_a_table,
        with_a_trigger,
    )
]
UNREADABLE = {"malformed", "garbage", "cut_short", "missing", "empty", "a_folder"}
"""Damage after which nobody can read which tokens there were."""


@pytest.fixture(params=DAMAGE, ids=lambda function: function.__name__)
def damage(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    function: Callable[[Path], None] = request.param
    return function


def cleanly_closed(database: Database) -> Path:
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        Path(f"{database.path}{suffix}").unlink(missing_ok=True)
    return database.path


def test_a_good_backup_replaces_each_kind_of_damage(
    synced: SyncedClass, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    synced.sync()
    copy = tmp_path / "copy.db"
    backup(synced.workspace.database, copy, asked_by="test")
    good = tables(copy)
    path = cleanly_closed(synced.workspace.database)
    damage(path)
    damaged = path.read_bytes() if path.is_file() else None
    kept = restore(Database(synced.workspace.home), copy, asked_by="test")
    assert tables(path) == good
    assert file_problems(path) == []
    assert load_events(Database(synced.workspace.home))[0].action == "restore"
    assert (kept is None) == (damage is missing)
    if kept and damaged:
        assert kept.read_bytes() == damaged
    assert not is_closed(Database(synced.workspace.home))
    # Life goes on: the program that has it open sees the other file, and the next sync works.
    assert synced.sync().state == "done"
    assert len(synced.held()) == 12
    assert not list(synced.workspace.home.folder.glob(".*"))


def test_a_restore_never_opens_the_door(
    synced: SyncedClass, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    create_token(database, "revoked", "admin", asked_by="test", now=utc_now())
    synced.sync()
    backup(database, copy, asked_by="test")
    revoke_token(database, "revoked", asked_by="test", now=utc_now())
    create_token(database, "live", "viewer", asked_by="test", now=utc_now())
    damage(cleanly_closed(database))
    restore(Database(database.home), copy, asked_by="test")
    after = Database(database.home)
    held = [(token.name, token.is_live(utc_now())) for token in load_tokens(after)]
    if damage.__name__ in UNREADABLE:
        assert (held, is_closed(after)) == ([], True)
    else:
        assert (held, is_closed(after)) == ([("revoked", False), ("live", True)], False)
        assert "token revoked" in {event.action for event in load_events(after)}


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_a_backup_holds_no_way_in_of_people(synced: SyncedClass, tmp_path: Path, is_elsewhere: bool) -> None:
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    session, link = people_of(database)
    held = [account.password_hash for account in accounts.load_accounts(database)]
    backup(database, copy, asked_by="test")
    content = copy.read_bytes()
    for secret in ("ana@example.org", "hash-of-ana", "sealed-of-ana", digest(session), digest(link)):
        assert secret.encode() not in content, secret
    target = Database(Home(tmp_path / "elsewhere")) if is_elsewhere else database
    restore(target, copy, asked_by="test")
    after = Database(target.home)
    assert is_closed(after) == is_elsewhere
    assert [account.password_hash for account in accounts.load_accounts(after)] == (
        [] if is_elsewhere else held
    )


def test_a_restore_never_opens_the_door_of_people(
    synced: SyncedClass, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    synced.sync()
    backup(database, copy, asked_by="test")
    people_of(database)
    before = accounts.load_accounts(database), accounts.load_sessions(database)
    damage(cleanly_closed(database))
    restore(Database(database.home), copy, asked_by="test")
    after = Database(database.home)
    held = accounts.load_accounts(after), accounts.load_sessions(after)
    if damage.__name__ in UNREADABLE:
        assert (held, is_closed(after)) == (([], []), True)
    else:
        assert (held, is_closed(after)) == (before, False)


def people_of(database: Database) -> tuple[str, str]:
    """Make an administrator with a session and a mentor with an invitation; return both secrets."""
    now = utc_now()
    ana = accounts.create_account(
        *(database, "ana", "admin"),
        email="ana@example.org",
        password_hash="hash-of-ana",
        asked_by="test",
        now=now,
    )
    ben = accounts.create_account(database, "ben", "mentor", asked_by="test", now=now)
    accounts.change_account(database, ana.id, totp_secret="sealed-of-ana", asked_by="test")
    session = accounts.open_session(database, ana.id, label="", lifetime=timedelta(days=1), now=now)
    assert session is not None
    return session, accounts.create_invitation(database, ben.id, asked_by="test", now=now)


def test_tokens_of_a_backup_close_a_home_that_cannot_say_what_it_had(
    synced: SyncedClass, tmp_path: Path
) -> None:
    """The home may be older than the mark, or the backup comes to a new computer."""
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    create_token(database, "ci", "admin", asked_by="test", now=utc_now())
    backup(database, copy, asked_by="test")
    fresh = Database(Home(tmp_path / "fresh"))
    restore(fresh, copy, asked_by="test")
    assert (load_tokens(fresh), is_closed(fresh)) == ([], True)
    create_token(fresh, "new", "admin", asked_by="test", now=utc_now())
    assert not is_closed(fresh)


def test_a_second_restore_keeps_what_the_first_moved_aside(synced: SyncedClass, tmp_path: Path) -> None:
    synced.sync()
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    backup(database, copy, asked_by="test")
    kept = []
    for number in range(2):
        cleanly_closed(database).write_bytes(f"damage {number}".encode() * 999)
        kept.append(restore(Database(database.home), copy, asked_by="test"))
    assert [path and path.read_bytes()[:8] for path in kept] == [b"damage 0", b"damage 1"]


def test_parts_of_the_damaged_database_never_meet_the_new_one(synced: SyncedClass, tmp_path: Path) -> None:
    synced.sync()
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    backup(database, copy, asked_by="test")
    with database.writer() as connection:
        with database.transaction(connection):
            connection.execute("INSERT INTO mentors (name) VALUES ('Lost')")
        parts = {part: Path(f"{database.path}{part}").read_bytes() for part in ("", "-wal")}
    cleanly_closed(database)
    for part, data in parts.items():
        Path(f"{database.path}{part}").write_bytes(data if part else data[:3000] + b"x" * 3000)
    assert parts["-wal"]
    kept = restore(Database(database.home), copy, asked_by="test")
    assert kept is not None
    assert Path(f"{kept}-wal").read_bytes() == parts["-wal"]
    with closing(sqlite3.connect(database.path)) as connection:
        assert connection.execute("SELECT * FROM mentors").fetchall() == []


@pytest.mark.parametrize("dump", EARLY, ids=lambda path: path.stem)
def test_a_backup_of_an_earlier_schema_is_brought_up_to_date(
    synced: SyncedClass, tmp_path: Path, dump: Path
) -> None:
    synced.sync()
    old = early_home(Home(tmp_path / "old"), dump, was_opened_since=False).path
    before = old.read_bytes()
    restore(synced.workspace.database, old, asked_by="test")
    assert [status.progressions for status in load_statuses(synced.workspace.database)] == [4]
    assert old.read_bytes() == before


@pytest.mark.parametrize("dump", EARLY, ids=lambda path: path.stem)
def test_a_backup_replaces_a_database_of_an_earlier_schema(
    synced: SyncedClass, tmp_path: Path, dump: Path
) -> None:
    synced.sync()
    copy = tmp_path / "copy.db"
    backup(synced.workspace.database, copy, asked_by="test")
    old = early_home(Home(tmp_path / "old"), dump, was_opened_since=False)
    restore(old, copy, asked_by="test")
    assert tables(old.path) == tables(copy)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE TRIGGER x AFTER INSERT ON audit BEGIN DELETE FROM students; END", "trigger x"),
        ("CREATE TRIGGER x BEFORE UPDATE ON classes BEGIN SELECT RAISE(ABORT, 'no'); END", "trigger x"),
        ("CREATE VIEW v AS SELECT * FROM students", "view v"),
        ("ALTER TABLE students RENAME TO s; CREATE VIEW students AS SELECT * FROM s", "view students"),
        ("CREATE TABLE more (x)", "table more"),
        ("DROP TABLE changes", "not those of any version"),
        ("ALTER TABLE students DROP COLUMN email", "not those of any version"),
        ("ALTER TABLE students ADD COLUMN phone TEXT CHECK (phone != '')", "not those of any version"),
        ("DELETE FROM _sqlite_migrations", "not a backup of Cohort Tracker"),
        ("DROP TABLE _sqlite_migrations", "not a backup of Cohort Tracker"),
    ],
)
def test_a_backup_that_this_program_cannot_have_made_is_refused(
    synced: SyncedClass, tmp_path: Path, statement: str, reason: str
) -> None:
    synced.sync()
    copy = tmp_path / "copy.db"
    backup(synced.workspace.database, copy, asked_by="test")
    with closing(sqlite3.connect(copy)) as connection:
        connection.executescript(statement)
        connection.commit()
    before = tables(cleanly_closed(synced.workspace.database))
    with pytest.raises(BadInput, match=reason):
        restore(synced.workspace.database, copy, asked_by="test")
    assert tables(synced.workspace.database.path) == before


def test_a_copy_made_by_hand_while_it_was_open_comes_back_whole(synced: SyncedClass, tmp_path: Path) -> None:
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    synced.sync()
    with database.writer() as connection:
        with database.transaction(connection):
            connection.execute("INSERT INTO mentors (name) VALUES ('Mira')")
        for part in ("", "-wal"):
            shutil.copyfile(f"{database.path}{part}", f"{copy}{part}")
    with database.writing() as connection:
        connection.execute("DELETE FROM mentors")
    restore(database, copy, asked_by="test")
    with database.reading() as connection:
        assert [row["name"] for row in connection.execute("SELECT name FROM mentors")] == ["Mira"]


def test_the_present_database_is_no_backup_of_itself(synced: SyncedClass) -> None:
    synced.sync()
    with pytest.raises(BadInput, match="file of the data folder itself"):
        restore(synced.workspace.database, synced.workspace.home.database, asked_by="test")


def test_what_was_moved_aside_can_be_put_back(synced: SyncedClass, tmp_path: Path) -> None:
    synced.sync()
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    backup(database, copy, asked_by="test")
    with database.writing() as connection:
        connection.execute("INSERT INTO mentors (name) VALUES ('Mira')")
    kept = restore(database, copy, asked_by="test")
    assert kept is not None
    restore(database, kept, asked_by="test")
    with database.reading() as connection:
        assert [row["name"] for row in connection.execute("SELECT name FROM mentors")] == ["Mira"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes, where the system lets us have it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True, check=False).returncode:
        unavailable("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def filled(folder: Path, *, left: int) -> Path:
    free = shutil.disk_usage(folder).free
    (folder / "filling").write_bytes(b"x" * max(0, free - left))
    return folder / "filling"


@pytest.mark.parametrize("left", [0, 40_000, 150_000, 400_000])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_restore_on_a_nearly_full_disk_is_whole_or_nothing(
    synced: SyncedClass, tmp_path: Path, small_disk: Path, left: int, is_damaged: bool
) -> None:
    synced.sync()
    copy = tmp_path / "copy.db"
    backup(synced.workspace.database, copy, asked_by="test")
    with synced.workspace.database.writing() as connection:
        connection.execute("INSERT INTO mentors (name) VALUES ('Mira')")
    home = Home(small_disk / "home")
    home.ensure()
    shutil.copyfile(cleanly_closed(synced.workspace.database), home.database)
    if is_damaged:
        garbage(home.database)
    before = home.database.read_bytes()
    database = Database(home)
    filling = filled(small_disk, left=left)
    problem = None
    try:
        restore(database, copy, asked_by="test")
    except CohortError as error:
        problem = error.message
    if problem:
        assert "space" in problem or "full" in problem
        filling.unlink()
        if is_damaged:
            assert home.database.read_bytes() == before
        else:
            assert tables(cleanly_closed(database))["mentors"] == [(1, "Mira", None)]
            assert file_problems(home.database) == []
        restore(Database(home), copy, asked_by="test")
    filling.unlink(missing_ok=True)
    assert tables(home.database) == tables(copy)
    assert not list(home.folder.glob(".*"))


def test_a_purge_on_a_full_disk_says_so_and_is_finished_by_doing_it_again(
    synced: SyncedClass, small_disk: Path
) -> None:
    from cohort_core.services.purge import purge_student

    synced.sync()
    student_id = _a_student(synced)
    home = Home(small_disk / "home")
    home.ensure()
    shutil.copyfile(cleanly_closed(synced.workspace.database), home.database)
    database = Database(home)
    load_statuses(database)
    (home.folder / "cohort.before-restore.db").write_bytes(b"old")
    filling = filled(small_disk, left=90_000)
    with pytest.raises(DatabaseUnusable, match=r"is removed \(\d+ progressions.*do the same again"):
        purge_student(database, student_id, asked_by="test")
    filling.unlink()
    purge_student(database, student_id, asked_by="test")
    assert not home.unfinished_purge.exists()
    assert not (home.folder / "cohort.before-restore.db").exists()
    with pytest.raises(BadInput, match="Nobody here"):
        purge_student(database, student_id, asked_by="test")
    with closing(sqlite3.connect(database.path)) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone()[0] == 0
    assert student_id.encode() not in database.path.read_bytes()


def _a_student(synced: SyncedClass) -> str:
    with synced.workspace.database.reading() as connection:
        return str(connection.execute("SELECT student_id FROM progressions").fetchone()[0])


def test_nothing_is_restored_while_a_sync_runs_even_if_the_database_is_damaged(
    synced: SyncedClass, tmp_path: Path
) -> None:
    from cohort_core.errors import SyncRunning
    from cohort_core.sync.lock import acquire_lock

    synced.served.faults.add(Fault("delay", "*/progressions", seconds=0.2, times=None))
    job = synced.workspace.prepare_sync(asked_by="test")
    database = Database(Home(synced.workspace.home.folder))
    before = synced.workspace.home.database.read_bytes()
    synced.workspace.home.database.write_bytes(b"garbage" * 999)
    with pytest.raises(SyncRunning):
        acquire_lock(database)
    synced.workspace.home.database.write_bytes(before)
    job.run()


def test_a_backup_made_during_a_sync_holds_no_broken_sync(synced: SyncedClass, tmp_path: Path) -> None:
    synced.sync()
    database, copy = synced.workspace.database, tmp_path / "copy.db"
    job_id = create_job(database, [synced.id], asked_by="test", is_full=True, now=utc_now())
    with database.writing() as connection:
        connection.execute(
            "UPDATE runs SET state = 'running', started_at = '2026-01-01' WHERE job_id = ?", (job_id,)
        )
    backup(database, copy, asked_by="test")
    restore(database, copy, asked_by="test")
    (job,) = lock.load_jobs(database, limit=1)
    assert (job.state, job.runs[0].state, job.error) == ("cancelled", "cancelled", None)
    assert "made while this sync ran" in str(job.runs[0].note)
    assert sync_panel.is_good(job)


def test_what_a_killed_restore_leaves_is_known_to_a_purge(home: Home, tmp_path: Path) -> None:
    source = tmp_path / "copied by hand.db"
    source.write_bytes(b"students")
    source.with_name(f"{source.name}-wal").write_bytes(b"more students")
    with maintenance._complete(home, source) as whole:
        assert whole.read_bytes() == b"students"
        left = {path.name for path in home.automatic_copies()}
    assert left >= {"whole.db"}
    assert home.automatic_copies() == []
