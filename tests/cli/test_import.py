"""The import of rosters as a process: what it prints, writes and exits with."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ALL_DRILLS, sample

LINES_LEFT = 79


def _load_script() -> ModuleType:
    """Load tests/cases.py; the folder tests/cases is the module of that name."""
    path = Path(__file__).resolve().parents[1] / "cases.py"
    spec = importlib.util.spec_from_file_location("roster_cases", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases = _load_script()


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with cases.synced_home(tmp_path_factory.mktemp("cases")) as home:
        yield home


@pytest.fixture
def home(synced: Any, tmp_path: Path) -> Any:
    return synced.copy(tmp_path / "home")


@pytest.mark.parametrize("case", sample(list(cases.expectations()), 6))
def test_each_case(home: Any, case: str) -> None:
    expected = cases.expectations()[case]
    got = cases.outcome(home, case)
    assert cases.differences(expected, got) == [], (expected, got)
    if "refused" in expected or not ALL_DRILLS:
        return
    enrolled = cases.outcome(home, case, "--enrol-new", "--accept-near")
    assert cases.differences(expected, enrolled)[:1] in ([], ["exit"])
    # What was confirmed once goes on without being said again.
    again = cases.outcome(home, case)
    assert (again["new"], again["exit"]) == (got["new"], enrolled["exit"])


class Roster:
    """A file of a mentor, imported again and again."""

    def __init__(self, home: Any, path: Path) -> None:
        self.home = home
        self.path = path

    def imported(self, text: str, *options: str, code: int = 0) -> dict[str, Any]:
        self.path.write_text(text, "utf-8")
        done = self.home.run(
            "import", "--students", str(self.path), "--class-id", "Evening A", "--json", *options
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def undo(self) -> int:
        return int(json.loads(self.home.ok("import", "--undo", "--json"))["lines_after"])

    def stored(self) -> list[tuple[Any, ...]]:
        columns = "email, first_name, last_name, night, region, enrolled_on, withdrawn_on, stand_in_id"
        return self._select(f"SELECT {columns} FROM enrolments ORDER BY id")

    def _select(self, sql: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.home.folder / "cohort.db") as connection:
            return connection.execute(sql).fetchall()

    def names(self) -> list[str]:
        return [row[1] for row in self.stored()]


@pytest.fixture
def roster(home: Any, tmp_path: Path) -> Roster:
    return Roster(home, tmp_path / "roster.csv")


HEADER = "email,first_name,last_name,night,region\n"
AMARA = "amara.okonjo@example.org,Amara,Okonjo-Bright,Tuesday,North\n"
BELA = "bela.kovacs@example.org,Bela,Kovács,Tuesday,South\n"
ZED = "zed@example.org,Zed,Newcomer,Thursday,North\n"
TYPO = ",Dana,Whitlok,Thursday,\n"


def test_nobody_is_enrolled_before_it_is_said_and_once_is_enough(roster: Roster) -> None:
    text = HEADER + AMARA + ZED + TYPO
    answer = roster.imported(text, code=LINES_LEFT)
    assert [(line["line"], line["state"], line["enrolled"]) for line in answer["lines"]] == [
        (2, "matched", True),
        (3, "new", False),
        (4, "near", False),
    ]
    assert answer["lines"][2]["suggestion"]["name"] == "Dana Whitlock"
    assert roster.names() == ["Amara"]
    assert answer["hint"] is None
    answer = roster.imported(text, "--enrol-new", code=LINES_LEFT)
    assert roster.names() == ["Amara", "Zed"]
    answer = roster.imported(text, "--accept-near")
    assert (answer["matched"], answer["near"], answer["new"]) == (1, 1, 1)
    assert roster.names() == ["Amara", "Zed", "Dana"]
    for _ in range(2):
        answer = roster.imported(text)
        assert (answer["matched"], answer["near"], answer["new"], answer["hint"]) == (2, 0, 1, None)
    # Also after a night in which the line was missing, and with a name or an address alone.
    roster.imported(HEADER + AMARA)
    roster.imported(HEADER + AMARA + "ZED@example.org,,,,\n")
    roster.imported(HEADER + AMARA + ",Zed,Newcomer,,\n")
    roster.imported(HEADER + AMARA + "another@example.org,Zed,Nobody,,\n", code=LINES_LEFT)


def test_lines_that_are_left_out_are_not_asked_about_again(roster: Roster) -> None:
    answer = roster.imported(HEADER + AMARA + ZED + TYPO, "--leave-rest")
    assert [line["left_out"] for line in answer["lines"]] == [False, True, True]
    answer = roster.imported(HEADER + AMARA + ZED + TYPO)
    assert (answer["new"], answer["near"]) == (1, 1)
    assert roster.names() == ["Amara"]
    roster.imported(HEADER + AMARA + ZED + TYPO, "--enrol-new")
    assert roster.names() == ["Amara", "Zed"]


def test_if_nothing_is_used_the_roster_stays(roster: Roster) -> None:
    roster.imported(HEADER + AMARA)
    answer = roster.imported(HEADER + ZED, code=LINES_LEFT)
    assert answer["written"] is False
    assert roster.names() == ["Amara"]


def test_lines_left_out_are_remembered_if_no_line_is_used(roster: Roster) -> None:
    roster.imported(HEADER + AMARA)
    answer = roster.imported(HEADER + ZED + TYPO, "--leave-rest")
    assert (answer["written"], roster.names()) == (False, ["Amara"])
    roster.imported(HEADER + ZED + TYPO)
    roster.imported(HEADER + AMARA + ZED + TYPO)
    assert roster.undo() == 1
    roster.imported(HEADER + ZED, code=LINES_LEFT)


def test_dates_that_nothing_decides_wait_for_an_answer(roster: Roster) -> None:
    text = "email,enrolled_on\namara.okonjo@example.org,09/10/2026\nbela.kovacs@example.org,2026-10-16\n"
    answer = roster.imported(text, code=LINES_LEFT)
    assert [line["reason"] for line in answer["lines"]] == [
        "counts without “enrolled_on” until you say if day or month is first",
        None,
    ]
    done = roster.home.run("import", "--students", str(roster.path))
    assert done.returncode == LINES_LEFT
    assert (
        "Dates of line 2 wait for you: say `--date-order day-first` or `--date-order month-first`."
        in done.stdout
    )
    answer = roster.imported(text, "--date-order", "day-first")
    assert answer["lines"][0]["reason"] is None


def test_the_hint_needs_four_lines_that_match_nobody(roster: Roster) -> None:
    new = [f"n{number}@example.org,New{number},Person,,\n" for number in range(4)]
    text = HEADER + AMARA + TYPO
    assert roster.imported(text + "".join(new[:3]), "--dry-run", code=LINES_LEFT)["hint"] is None
    hint = roster.imported(text + "".join(new), "--dry-run", code=LINES_LEFT)["hint"]
    assert hint.startswith("4 of 6 lines match nobody at OpenClass.")


def test_the_text_counts_as_the_answer_does(roster: Roster) -> None:
    dana = ",Dana,Whitlock,Friday,\n"
    roster.imported(HEADER + dana)
    roster.path.write_text(HEADER + AMARA + ZED + TYPO, "utf-8")
    done = roster.home.run("import", "--students", str(roster.path), "--enrol-near", "--add")
    words = "1 student of OpenClass, 1 not seen there yet, 1 new not enrolled, 0 lines not used."
    assert words in done.stdout
    # The new student is not the one who was suggested, who stays on the roster.
    assert [row[3] for row in roster.stored()] == ["Friday", "Tuesday", "Thursday"]


def test_the_second_of_two_emails_finds_the_student(roster: Roster) -> None:
    text = "Personal email,School email\nmine@home.example,amara.okonjo@example.org\n"
    assert roster.imported(text)["matched"] == 1


def test_what_a_file_takes_away_is_shown_before(roster: Roster) -> None:
    roster.imported(HEADER + AMARA + BELA + ZED, "--enrol-new")
    answer = roster.imported(HEADER + BELA, "--dry-run")
    (part,) = answer["classes"]
    assert (part["lines_before"], part["taken_away"], part["lines_after"]) == (3, 2, 1)
    assert len(roster.names()) == 3
    done = roster.home.run("import", "--students", str(roster.path))
    assert "Evening A: replaces 3 lines, of which 2 are not in this file." in done.stdout
    # The same people written in another way are not taken away.
    answer = roster.imported(HEADER + ",Béla,Kovacs,Monday,\n", "--dry-run")
    assert answer["classes"][0]["taken_away"] == 0


def test_undo_after_replace_and_after_add(roster: Roster) -> None:
    roster.imported(HEADER + AMARA + ZED, "--enrol-new")
    first = roster.stored()
    roster.imported(HEADER + BELA, "--add")
    assert roster.names() == ["Amara", "Zed", "Bela"]
    # Empty cells do not take anything away when a file is added.
    answer = roster.imported('name,night\n"Okonjo-Bright, Amara",Monday\n', "--add")
    assert answer["mode"] == "add"
    second = roster.stored()
    assert second[0][:5] == ("amara.okonjo@example.org", "Amara", "Okonjo-Bright", "Monday", "North")
    roster.imported(HEADER + BELA)
    assert roster.names() == ["Bela"]
    assert roster.undo() == 3
    assert roster.stored() == second
    assert roster.undo() == 3
    assert roster.undo() == 2
    assert roster.stored() == first
    assert roster.undo() == 0
    done = roster.home.run("import", "--undo")
    assert (done.returncode, "There is no earlier roster left" in done.stderr) == (2, True)


def test_undo_forgets_what_was_said(roster: Roster) -> None:
    roster.imported(HEADER + AMARA)
    roster.imported(HEADER + AMARA + ZED, "--enrol-new")
    roster.undo()
    answer = roster.imported(HEADER + AMARA + ZED, code=LINES_LEFT)
    assert answer["new"] == 1


def test_undo_takes_a_wrong_suggestion_back(roster: Roster) -> None:
    text = HEADER + AMARA + TYPO
    roster.imported(text, code=LINES_LEFT)
    roster.imported(text, "--accept-near")
    assert roster.imported(text)["matched"] == 2
    roster.undo()
    answer = roster.imported(text, code=LINES_LEFT)
    assert (answer["matched"], answer["near"]) == (1, 1)
    assert roster.names() == ["Amara"]
    roster.imported(text, "--enrol-near")
    assert roster._select("SELECT count(*) FROM roster_answers WHERE answer = 'same'") == [(0,)]


def test_standard_input_and_the_names_of_a_class(roster: Roster) -> None:
    for name in ("Evening A", "evening-a", "EVENING A", "000000000000000000abc001"):
        done = roster.home.run("import", "--students", "-", "--class-id", name, given=HEADER + AMARA)
        assert done.returncode == 0, done.stderr
    assert roster.home.run("import", "--students", "-", "--class-id", "x", given=HEADER).returncode == 66
    done = roster.home.run("import", "--students", "-", "--class-id", "evening-a", given=HEADER)
    assert done.returncode == 2


def test_a_line_about_another_class_stays_out(roster: Roster) -> None:
    with sqlite3.connect(roster.home.folder / "cohort.db") as connection:
        connection.execute(
            "INSERT INTO classes (id, friendly_id, name) VALUES ('b', 'evening-b', 'Evening B')"
        )
    answer = roster.imported("email,class\namara.okonjo@example.org,Evening A\nzed@example.org,evening-b\n")
    assert [(line["state"], line["reason"]) for line in answer["lines"]] == [
        ("matched", None),
        ("not_used", "is about another class"),
    ]


def test_the_hint_names_the_class_that_fits(roster: Roster) -> None:
    with sqlite3.connect(roster.home.folder / "cohort.db") as connection:
        connection.execute(
            "INSERT INTO classes (id, friendly_id, name) VALUES ('b', 'evening-b', 'Evening B')"
        )
    roster.path.write_text(HEADER + AMARA + BELA, "utf-8")
    done = roster.home.run("import", "--students", str(roster.path), "--class-id", "evening-b")
    assert done.returncode == LINES_LEFT
    assert done.stdout.splitlines()[0] == (
        "2 of 2 lines match nobody at OpenClass. The class has no records yet. Sync it first, and import the "
        "file after that."
    )


def test_anonymous_mode_shows_no_name(roster: Roster) -> None:
    roster.path.write_text(HEADER + AMARA + ZED + TYPO, "utf-8")
    roster.home.environment["COHORT_ANONYMOUS"] = "1"
    for options in ((), ("--json",)):
        done = roster.home.run("import", "--students", str(roster.path), "--class-id", "evening-a", *options)
        for name in ("Amara", "Zed", "Dana", "Whitlo", "@"):
            assert name not in done.stdout + done.stderr
        assert "000000000000000000500000" not in done.stdout


def test_a_home_of_before_goes_on_every_night(roster: Roster, tmp_path: Path) -> None:
    """Its roster has two who never started, and a hide of one of them; the same file comes every night."""
    text = "student_id,email,first_name,last_name\n7,,Ines,Pereira\n,zed@example.org,Zed,New\n" + (
        ",amara.okonjo@example.org,Amara,Okonjo-Bright\n"
    )
    identity = "student_id, email, first_name, last_name"
    with sqlite3.connect(roster.home.folder / "cohort.db") as connection:
        for table in ("student_aliases", "roster_answers", "earlier_enrolments", "roster_imports"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE enrolments DROP COLUMN stand_in_id")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'm005_roster_imports'")
        (class_id,) = connection.execute("SELECT id FROM classes").fetchone()
        connection.executemany(
            f"INSERT INTO enrolments (class_id, {identity}) VALUES (?, ?, ?, ?, ?)",
            [
                (class_id, "7", None, "Ines", "Pereira"),
                (class_id, None, "zed@example.org", "Zed", "New"),
                (class_id, None, "amara.okonjo@example.org", "Amara", "Okonjo-Bright"),
            ],
        )
        connection.execute(
            "INSERT INTO marks (class_id, student_id, kind, until, made_at) "
            "VALUES (?, '7', 'exempt', NULL, '2026-01-01')",
            (class_id,),
        )
    for _ in range(2):
        answer = roster.imported(text)
        assert (answer["matched"], answer["new"]) == (1, 2)
    assert [row[-1] for row in roster.stored()][:2] == ["7", "roster-8448a4e1ce9825b7"]
    assert roster._select("SELECT count(*) FROM roster_imports") == [(0,)]
