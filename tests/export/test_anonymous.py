"""Anonymous mode: it hides every identity, keeps every number, and holds for every response."""

from __future__ import annotations

import re
import stat
import threading
from dataclasses import replace

import pandas as pd
import pytest
import requests
from fastapi.routing import APIRoute

from cohort_core.api.app import create_app
from cohort_core.config.paths import Home
from cohort_core.errors import BadSettings
from cohort_core.metrics.cohort import build
from cohort_core.practice.faults import Fault
from cohort_core.reports import catalog
from cohort_core.services.anonymizer import Pseudonyms, anonymise, load_key
from cohort_core.store.class_data import STUDENT_COLUMNS, ClassData, empty
from tests.api.conftest import Service
from tests.export.conftest import CLASS_ID, Identifying, text_of

KEY = b"k" * 32


def people(rows: list[tuple[str, str | None, str | None, str | None]]) -> ClassData:
    """Return a class of people who have done nothing: id, first name, last name, email."""
    frame = pd.DataFrame([(*row, None, None, None, None) for row in rows], columns=list(STUDENT_COLUMNS))
    return replace(empty("c"), students=frame.astype(STUDENT_COLUMNS))


def names(class_data: ClassData, key: bytes = KEY) -> dict[str, str]:
    students = anonymise(class_data, key).students
    full = students["first_name"] + " " + students["last_name"]
    return dict(zip(students["student_id"], full, strict=True))


def readable_routes(service: Service) -> list[str]:
    routes = create_app(service.workspace).routes
    return [route.path for route in routes if isinstance(route, APIRoute) and "GET" in (route.methods or ())]


def test_no_response_holds_a_name_an_email_or_an_id(
    service: Service, real: ClassData, identifying: Identifying, destination: int
) -> None:
    student = real.students["student_id"].iloc[0]
    ids = {
        "class_id": CLASS_ID,
        "student_id": service.workspace.cohorts.student_id_for(CLASS_ID, student, anonymous=True),
        "assignment_id": real.assignments["assignment_id"].iloc[20],
        "job": 1,
        "destination": destination,
    }
    leaks = {}
    for path in readable_routes(service):
        query = {"anonymous": "1"} | ({"since": "2026-09-01"} if "/changes" in path else {})
        answer = requests.get(service.url + path.format(**ids), params=query, timeout=20)
        if answer.status_code == 422:
            # Without an anonymous mode, a path may not be about people at all.
            answer = requests.get(service.url + path.format(**ids), timeout=20)
        assert answer.status_code == 200, (path, answer.text[:300])
        sent = text_of(answer.content) + str(answer.headers)
        if words := identifying.found_in(sent):
            leaks[path] = words
    assert leaks == {}


def test_the_search_would_find_them(service: Service, identifying: Identifying) -> None:
    files = (
        "metrics/student-health",
        "students.csv",
        "students.xlsx",
        "report.pdf",
        "changes?since=2026-09-01",
    )
    for file in files:
        answer = requests.get(f"{service.url}/classes/{CLASS_ID}/{file}", timeout=20)
        assert len(identifying.found_in(text_of(answer.content))) > 5, file


def test_a_setting_forces_it(service: Service, identifying: Identifying) -> None:
    with service.set(anonymous=True):
        for file in ("students", "metrics/student-health.csv", "report.pdf"):
            for asked in ("", "?anonymous=0"):
                answer = requests.get(f"{service.url}/classes/{CLASS_ID}/{file}{asked}", timeout=20)
                assert not identifying.found_in(text_of(answer.content))


def test_pseudonymous_ids_are_taken_as_parameters(service: Service, real: ClassData) -> None:
    student = real.progressions["student_id"].iloc[0]
    disguised = service.workspace.cohorts.student_id_for(CLASS_ID, student, anonymous=True)
    path = f"/classes/{CLASS_ID}/progressions"
    openly, hidden = (
        service.get(path, student_id=student),
        service.get(path, student_id=disguised, anonymous=1),
    )
    assert [record["completed_at"] for record in openly] == [record["completed_at"] for record in hidden]
    assert {record["student_id"] for record in hidden} == {disguised}
    assert service.get(path, student_id=student, anonymous=1) == []
    refused = service.refused(f"/classes/{CLASS_ID}/students/{student}", anonymous=1)
    assert student not in str(refused)
    back = service.workspace.cohorts.student_id_for(CLASS_ID, str(disguised))
    assert back == student
    assert service.workspace.cohorts.student_id_for(CLASS_ID, "nobody") is None


def test_numbers_are_the_same(service: Service) -> None:
    path = f"/classes/{CLASS_ID}/metrics/student-health"
    hidden = {"student_id", "name"}

    def numbers(**query: int) -> list[str]:
        return sorted(
            str({name: value for name, value in row.items() if name not in hidden})
            for row in service.get(path, **query)
        )

    assert numbers(anonymous=1) == numbers()
    for name in ("progress-summary", "metrics/blockers", "metrics/progress-over-time"):
        openly, anonymously = (
            service.get(f"/classes/{CLASS_ID}/{name}", anonymous=anonymous) for anonymous in (0, 1)
        )
        assert openly == anonymously


def test_changes_have_the_same_events(service: Service) -> None:
    path, since = f"/classes/{CLASS_ID}/changes", "2026-10-01"
    openly, hidden = (service.get(path, since=since, anonymous=anonymous)["items"] for anonymous in (0, 1))

    def events(rows: list[dict[str, object]]) -> list[str]:
        return [f"{row['at']} {row['kind']} {row['assignment_id']} {row['name'] is None}" for row in rows]

    assert events(openly) == events(hidden)


def test_the_same_person_has_the_same_pseudonym_everywhere() -> None:
    ann, bo = ("1", "Ann", "Lee", "ann@school.org"), ("2", "Bo", "Xu", None)
    first, second = names(people([ann, bo])), names(people([bo, ann, ("3", "C", "D", None)]))
    assert first.items() <= second.items()
    # On the roster first, under a stand-in id; then seen by OpenClass, with another spelling of the email.
    before = names(people([("roster-0a", "Ann", "Lee", "ann@school.org")]))
    after = names(people([("77", "Anne", "Lee", "Ann@School.org ")]))
    assert list(before.values()) == list(after.values())
    assert list(before) != list(after)


def test_another_secret_makes_other_pseudonyms() -> None:
    class_data = people([(str(number), "A", "B", f"{number}@school.org") for number in range(20)])
    assert not set(names(class_data)) & set(names(class_data, b"x" * 32))
    assert len(set(names(class_data).values()) & set(names(class_data, b"x" * 32).values())) == 0


def test_pseudonyms_are_unique_in_a_class_however_large() -> None:
    rows = [(str(number), "A", "B", f"{number}@school.org") for number in range(5000)]
    # Two people with one email, as siblings may have.
    class_data = people([*rows, ("twin", "A", "B", "7@school.org")])
    made = anonymise(class_data, KEY).students
    assert not made.duplicated(["first_name", "last_name"]).any()
    assert made["student_id"].is_unique
    assert made["email"].is_unique
    again = names(people(list(reversed([*rows, ("twin", "A", "B", "7@school.org")]))))
    assert again.keys() == names(class_data).keys()


def test_frames_keep_their_form() -> None:
    class_data = people([("1", "Ann", "Lee", None), ("roster-1", None, None, None)])
    hidden = anonymise(class_data, KEY)
    assert hidden.students.dtypes.to_dict() == class_data.students.dtypes.to_dict()
    assert hidden.progressions.dtypes.to_dict() == class_data.progressions.dtypes.to_dict()
    assert hidden.students["email"].isna().all()
    assert hidden.students["first_name"].notna().all()
    assert catalog.student_health(build(hidden)).frame.empty


def test_the_secret_is_made_once_and_private(home: Home) -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(load_key(home))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert stat.S_IMODE(home.pseudonym_key.stat().st_mode) == 0o600
    assert [path.name for path in home.files()] == [home.pseudonym_key.name]


def test_a_disk_without_links_will_do(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    assert load_key(home) == load_key(home)
    assert [path.name for path in home.files()] == [home.pseudonym_key.name]


def test_records_set_aside_have_other_ids(service: Service) -> None:
    service.upstream.faults.add(Fault("rows", "*/progressions", edit="grade_text", first=2, times=None))
    service.workspace.prepare_sync(["web-cohort-3"], asked_by="test", full=True).run()
    service.upstream.faults.clear()
    path = "/classes/web-cohort-3/quarantine"
    openly, hidden = (service.get(path, anonymous=anonymous)["items"] for anonymous in (0, 1))
    assert len(openly) == len(hidden) > 0
    assert [row["reason"] for row in openly] == [row["reason"] for row in hidden]
    assert not {row["id"] for row in openly} & {row["id"] for row in hidden}
    service.workspace.prepare_sync(["web-cohort-3"], asked_by="test", full=True).run()


@pytest.mark.parametrize("damage", [b"", b"abc", b"\xff\xfe", b"00" * 31])
def test_a_damaged_secret_is_reported(home: Home, damage: bytes) -> None:
    load_key(home)
    home.pseudonym_key.write_bytes(damage)
    with pytest.raises(BadSettings, match="Delete the file"):
        load_key(home)


def test_ids_reveal_nothing_without_the_secret() -> None:
    pseudonyms = Pseudonyms(KEY)
    assert pseudonyms.student_id("1") != pseudonyms.record_id("1")
    assert re.fullmatch(r"p[0-9a-f]{16}", pseudonyms.student_id("roster-0123"))
