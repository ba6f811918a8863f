"""No command writes onto the files of the data folder, by any path or link."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cohort_core.config.paths import Home
from cohort_core.errors import BadInput
from cohort_core.store.classes import ListedClass, load_index, save_classes
from cohort_core.store.database import Database
from tests.cli.test_cli import Shell, failed
from tests.cli.test_cli import shell as shell  # a fixture
from tests.cli.test_cli import upstream as upstream  # a fixture

OWN = (
    *("cohort.db", "cohort.db-wal", "cohort.db-shm", "cohort.db-journal", "cohort.db.lock", "sync.lock"),
    *("config.toml", "config.toml.lock", "credentials.json", "pseudonyms.key", "visits.json", "cohort.log"),
    *("requests.log", "guarded"),
)


def linked(home: Home, name: str, elsewhere: Path) -> Path:
    link = elsewhere / "link.db"
    link.symlink_to(home.folder / name)
    return link


def hard_linked(home: Home, name: str, elsewhere: Path) -> Path:
    (home.folder / name).touch()
    os.link(home.folder / name, elsewhere / "hard.db")
    return elsewhere / "hard.db"


def by_linked_folder(home: Home, name: str, elsewhere: Path) -> Path:
    (elsewhere / "folder").symlink_to(home.folder, target_is_directory=True)
    return elsewhere / "folder" / name


def relative(home: Home, name: str, elsewhere: Path) -> Path:
    return Path(os.path.relpath(home.folder / name))


WAYS: list[Callable[[Home, str, Path], Path]] = [
    lambda home, name, elsewhere: home.folder / name,
    lambda home, name, elsewhere: home.folder / name.upper(),
    lambda home, name, elsewhere: home.folder / f"{name}. ",
    lambda home, name, elsewhere: home.folder / "backups" / ".." / name,
    linked,
    hard_linked,
    by_linked_folder,
    relative,
]


@pytest.mark.parametrize("way", range(len(WAYS)))
@pytest.mark.parametrize("name", OWN)
def test_every_way_to_an_own_file_is_seen(home: Home, tmp_path: Path, way: int, name: str) -> None:
    home.ensure()
    home.backups.mkdir()
    with pytest.raises(BadInput, match="data folder itself"):
        home.refuse_own_file(WAYS[way](home, name, tmp_path), "file")


def test_other_places_may_be_written(home: Home, tmp_path: Path) -> None:
    home.ensure()
    for path in (
        home.folder / "copy.db",
        home.backups / "mine.db",
        tmp_path / "cohort.db",
        tmp_path / "a.csv",
    ):
        home.refuse_own_file(path, "file")


def test_another_homes_open_database_is_not_replaced(home: Home, tmp_path: Path) -> None:
    other = Database(Home(tmp_path / "other"))
    with other.writer() as connection:
        with other.transaction(connection):
            connection.execute("INSERT INTO mentors (name) VALUES ('Mira')")
        with pytest.raises(BadInput, match="has open"):
            home.refuse_own_file(other.path, "file")


def test_no_command_replaces_the_database(shell: Shell, tmp_path: Path) -> None:
    shell.synced()
    database = Database(Home(shell.home))
    before = load_index(database).references
    link = tmp_path / "link.db"
    link.symlink_to(shell.home / "cohort.db")
    about = ("--class-id", "web-cohort-3", "--force")
    # Another program has the database open, as a sync would.
    with database.writer() as connection, database.transaction(connection):
        connection.execute("INSERT INTO mentors (name) VALUES ('Mira')")
        for target in (shell.home / "cohort.db", shell.home / "cohort.db-wal", link):
            assert failed(shell.run("backup", str(target), "--force")) == 2
            assert failed(shell.run("report", *about, "--out", str(target))) == 2
            export = ("export", *about, "--report", "student-health", "--out", str(target))
            assert failed(shell.run(*export)) == 2
    save_classes(database, [ListedClass("new", None, "New", None)])
    assert load_index(database).references.keys() == before.keys() | {"new"}
    assert "to do" not in shell.ok("doctor", "--offline")
