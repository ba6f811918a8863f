"""The classes of the practice school: counts, people, time, and the real data behind three of them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
import requests

from cohort_core.errors import BadInput
from cohort_core.practice.generated import STEP, PracticeSchool
from cohort_core.practice.oulad import CODES, read
from cohort_core.practice.school import Row, row_id
from tests.practice.conftest import Reader

EVIL = ("![x](http://127.0.0.1:9/p.png) **b**", "<script>alert(1)</script> $x$ :red[r]")


class Clock:
    def __init__(self, now: str = "2026-03-11T15:04:05+00:00") -> None:
        self.now = datetime.fromisoformat(now)

    def __call__(self) -> datetime:
        return self.now


def lines(answer: requests.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def attempts(rows: Iterable[Row]) -> Counter[tuple[str, str]]:
    return Counter((row["user"]["id"], row["assignment"]["id"]) for row in rows)


def test_the_list_of_classes(practice_reader: Reader) -> None:
    listed = json.loads(practice_reader.get("/v1/classes").json()["result"]["objects"])["data"]
    assert [entry["friendly_id"] for entry in listed] == [
        "sd-cohort-12",
        "pda-cohort-7",
        "web-cohort-3",
        "oulad-aaa-2013j",
        "oulad-eee-2013j",
        "oulad-ddd-2013b",
        "odd-names",
    ]
    # A newcomer does not get replayed courses and names that are code before asking for them.
    assert [entry["is_published"] for entry in listed] == [True] * 3 + [False] * 4
    assert [sum(len(unit["assignments"]) for unit in entry["units"]) for entry in listed[:3]] == [90, 60, 34]
    assert all(re.fullmatch(r"[0-9a-f]{24}", entry["id"]) for entry in listed)


def test_pages_make_up_the_whole(practice: PracticeSchool, practice_reader: Reader) -> None:
    for entry in practice.classes():
        read_back = practice_reader.all_rows(entry["id"])
        identities = [row_id(row) for row in read_back]
        assert len(set(identities)) == len(identities)
        expected = {row_id(row): row for row in practice.rows(entry["id"])}
        assert {row_id(row): row for row in read_back} == expected


def test_the_first_class_has_3781_progressions(practice: PracticeSchool, practice_reader: Reader) -> None:
    rows = practice_reader.all_rows(practice.classes()[0]["id"])
    assert len(rows) == 3781
    assert 55 <= len({row["user"]["id"] for row in rows}) <= 66


@pytest.mark.parametrize("opened", ["2026-03-09T00:00:00", "2026-03-11T15:04:05", "2026-11-01T23:59:59"])
@pytest.mark.parametrize(("seed", "zone"), [(7, "UTC"), (7, "America/New_York"), (8, "Asia/Kathmandu")])
def test_exactly_3781_at_any_opening(opened: str, seed: int, zone: str) -> None:
    school = PracticeSchool(seed, timezone=zone, clock=Clock(f"{opened}+00:00"))
    assert len(school.rows(school.classes()[0]["id"])) == 3781


def test_rows_look_like_upstream(practice: PracticeSchool) -> None:
    rows = practice.rows(practice.classes()[0]["id"])
    kinds = Counter(row["assignment"]["type"] for row in rows)
    assert set(kinds) == {"lesson", "quiz", "project"}
    assert kinds["lesson"] > len(rows) / 2
    lessons = [row for row in rows if row["assignment"]["type"] == "lesson"]
    instant = [row for row in lessons if row["started_assignment_at"] == row["completed_assignment_at"]]
    assert len(instant) > 0.8 * len(lessons)
    assert all(row["grade"] == 1 for row in instant)
    assert {type(row["_id"]) for row in rows} == {str, dict}
    assert any("reviewed_at" not in row for row in rows)
    assert any(row.get("reviewed_at") for row in rows)
    assert any(row["completed_assignment_at"] is None for row in rows)
    assert any(count > 1 for count in attempts(rows).values())
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
    now = practice.now().isoformat().replace("+00:00", "Z")
    for row in rows:
        times = [row["started_assignment_at"], row["completed_assignment_at"], row.get("reviewed_at")]
        assert all(at is None or (stamp.fullmatch(at) and at <= now) for at in times)
        present = [at for at in times if at is not None]
        assert present == sorted(present)
        assert row["grade"] is None or 0 <= row["grade"] <= 1


def test_hard_assignments_are_visible(practice: PracticeSchool) -> None:
    rows = practice.rows(practice.classes()[0]["id"])

    def open_share(name: str) -> float:
        of_it = [row for row in rows if row["assignment"]["name"] == name]
        return sum(row["completed_assignment_at"] is None for row in of_it) / len(of_it)

    assert open_share("Promises") > 0.1
    assert open_share("Async and await") < 0.05


def test_awkward_people_are_there(practice: PracticeSchool) -> None:
    rows = practice.rows(practice.classes()[0]["id"])
    names = {(row["user"]["first_name"], row["user"]["last_name"]) for row in rows}
    odd = practice.rows(practice.classes()[-1]["id"])
    assert EVIL in {(row["user"]["first_name"], row["user"]["last_name"]) for row in odd}
    for entry in practice.classes()[:-1]:
        for row in practice.rows(entry["id"]):
            assert not set(str(row["user"]["first_name"])) & set("<>*=[]_:"), "a name that is code"
    assert ("Siobhán", "O'Brien") in names
    assert any(unicodedata.normalize("NFC", first) != first for first, _ in names)


def test_a_student_has_no_address(practice: PracticeSchool) -> None:
    addresses = {row["user"]["email"] for row in practice.rows(practice.classes()[2]["id"])}
    assert None in addresses


def test_some_are_in_two_classes(practice: PracticeSchool) -> None:
    first, second, third = (
        {row["user"]["id"] for row in practice.rows(entry["id"])} for entry in practice.classes()[:3]
    )
    assert first & second
    assert second & third


def test_rosters(practice: PracticeSchool, practice_reader: Reader) -> None:
    students = lines(requests.get(f"{practice_reader.url}/practice/students.csv", timeout=5))
    assert {line["class"] for line in students} == {
        "sd-cohort-12",
        "pda-cohort-7",
        "web-cohort-3",
        "odd-names",
    }
    assert {line["night"] for line in students} == {"Tuesday", "Thursday"}
    assert any(line["withdrawn_on"] for line in students)
    assert EVIL in {(line["first_name"], line["last_name"]) for line in students}
    mine = [line for line in students if line["class"] == "sd-cohort-12"]
    seen = {row["user"]["email"] for row in practice.rows(practice.classes()[0]["id"])}
    rostered = {line["email"] for line in mine}
    assert seen <= rostered
    assert len(rostered - seen) == 2
    mentors = lines(requests.get(f"{practice_reader.url}/practice/mentors.csv", timeout=5))
    assert {line["night"] for line in mentors} == {"Tuesday", "Thursday"}
    assert all(line["name"] for line in mentors)


def test_roster_of_one_class(practice: PracticeSchool, practice_reader: Reader) -> None:
    aaa = lines(practice_reader.get("/practice/students.csv", **{"class": "oulad-aaa-2013j"}))
    assert {line["class"] for line in aaa} == {"oulad-aaa-2013j"}
    today = practice.now().date().isoformat()
    assert any(line["withdrawn_on"] for line in aaa)
    assert all(line["withdrawn_on"] <= today for line in aaa)
    assert all(line["enrolled_on"] <= today for line in aaa)
    by_id = lines(practice_reader.get("/practice/students.csv", **{"class": practice.classes()[3]["id"]}))
    assert by_id == aaa
    assert practice_reader.get("/practice/students.csv", **{"class": "none"}).status_code == 404


def test_the_same_seed_and_instant_give_the_same_school() -> None:
    first, second = (PracticeSchool(clock=Clock()) for _ in range(2))
    other = PracticeSchool(8, clock=Clock())
    for entry, differing in zip(first.classes(), other.classes(), strict=True):
        assert first.rows(entry["id"]) == second.rows(entry["id"])
        assert first.units(entry["id"]) == second.units(entry["id"])
        assert first.roster(entry["id"]) == second.roster(entry["id"])
        assert entry["id"] != differing["id"]


def test_a_school_that_opens_an_hour_later_knows_the_same_people_and_work() -> None:
    clock = Clock()
    early = PracticeSchool(clock=clock)
    class_id = early.classes()[0]["id"]
    before = {row_id(row) for row in early.rows(class_id)}
    clock.now += timedelta(hours=1)
    after = {row_id(row) for row in PracticeSchool(clock=clock).rows(class_id)}
    assert len(before ^ after) < 60


def test_no_such_time_zone() -> None:
    with pytest.raises(BadInput, match="Europe/Lisbon"):
        PracticeSchool(timezone="Mars/Olympus")


def test_time_passes_in_steps() -> None:
    clock = Clock()
    school = PracticeSchool(clock=clock)
    class_id = school.classes()[0]["id"]
    before = school.rows(class_id)
    clock.now += STEP - timedelta(milliseconds=1)
    assert school.now() == school.opened
    assert school.rows(class_id) is before


def test_every_hour_of_three_weeks_brings_something() -> None:
    clock = Clock()
    school = PracticeSchool(clock=clock)
    class_id = school.classes()[0]["id"]
    last = school.rows(class_id)
    for _ in range(3 * 7 * 24):
        clock.now += timedelta(hours=1)
        rows = school.rows(class_id)
        assert rows != last, clock.now
        last = rows


def test_what_may_happen_to_a_row_does() -> None:
    clock = Clock()
    school = PracticeSchool(clock=clock)
    class_id = school.classes()[0]["id"]
    before = {row_id(row): row for row in school.rows(class_id)}
    clock.now += timedelta(days=14)
    after = {row_id(row): row for row in school.rows(class_id)}
    kept = [(before[i], after[i]) for i in before.keys() & after.keys()]
    assert after.keys() - before.keys()
    assert 0 < len(before.keys() - after.keys()) < 10

    def happened(key: str) -> list[tuple[Row, Row]]:
        return [pair for pair in kept if pair[0].get(key) is None and pair[1].get(key) is not None]

    assert happened("completed_assignment_at")
    assert happened("reviewed_at")
    assert happened("grade")
    assert any(a["grade"] is not None and a["grade"] != b["grade"] for a, b in kept)
    assert all(a["started_assignment_at"] == b["started_assignment_at"] for a, b in kept)


@pytest.mark.parametrize("day", [0, 90, 300])
def test_real_classes_hold_the_source_up_to_the_day(day: int) -> None:
    clock = Clock("2026-03-11T23:59:59.999+00:00")
    school = PracticeSchool(day=day, clock=clock)
    total = 0
    for code, entry in zip(CODES, school.classes()[3:6], strict=True):
        source = [line for line in read(f"progressions-{code}") if int(line["completed_day"]) <= day]
        rows = school.rows(entry["id"])
        assert len(rows) == len(source)
        total += len(rows)
        start = clock.now.date() - timedelta(days=day)
        days = Counter((start + timedelta(days=int(line["completed_day"]))).isoformat() for line in source)
        assert Counter(row["completed_assignment_at"][:10] for row in rows) == days
        grades = Counter(float(line["grade"]) if line["grade"] else None for line in source)
        assert Counter(row["grade"] for row in rows) == grades
        assert all(row["started_assignment_at"] in (None, row["completed_assignment_at"]) for row in rows)
    assert total < 15_000
    if day == 300:
        assert total == 1633 + 2884 + 10373


def test_real_classes_name_their_assignments_by_type_and_day(practice: PracticeSchool) -> None:
    aaa = practice.classes()[3]
    named = {row["assignment"]["name"]: row["assignment"]["type"] for row in practice.rows(aaa["id"])}
    assert named["TMA 1 (due day 19)"] == "tma"
    assert [unit["name"] for unit in practice.units(aaa["id"])][:2] == ["Due day 19", "Due day 54"]
    ddd = {row["assignment"]["type"] for row in practice.rows(practice.classes()[5]["id"])}
    assert ddd == {"tma", "cma"}


def test_it_starts_quickly_and_stops_cleanly_on_ctrl_c() -> None:
    code = "from cohort_core.practice.server import serve; serve(0, faults=True)"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        printed = "".join(process.stdout.readline() for _ in range(8))
        address = re.search(r"http://127\.0\.0\.1:\d+", printed)
        assert address, printed
        for word in ("mentor@practice.example", "classroom.practice.example", "practice-school", "faults"):
            assert word in printed
        assert requests.get(f"{address[0]}/practice/mentors.csv", timeout=5).ok
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert err == ""
    assert out == "Practice school stopped.\n"


def test_starting_imports_nothing_heavy() -> None:
    code = (
        "import sys, cohort_core.practice.server, cohort_core.practice.generated;"
        "print([m for m in ('pandas', 'numpy', 'streamlit', 'sqlite_utils') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"


def test_the_attribution_travels_with_the_data() -> None:
    from importlib.resources import files

    text = files("cohort_core.practice").joinpath("data", "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "CC-BY 4.0" in text
    assert "doi:10.1038/sdata.2017.171" in text
    assert "AAA-2013J" in text
