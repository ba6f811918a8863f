"""A reader of the practice school that does no more than the protocol asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from cohort_core.practice import APP_ID, EMAIL, ORIGIN, PASSWORD
from cohort_core.practice.generated import PracticeSchool
from cohort_core.practice.school import MemorySchool, progression
from cohort_core.practice.server import Running, running

SCHOOL_HEADERS = {"Origin": ORIGIN, "X-OpenClass-App-Id": APP_ID, "Accept": "*/*"}


class Reader:
    def __init__(self, running: Running) -> None:
        self.url = running.url
        self.session = requests.Session()
        self.session.headers.update(SCHOOL_HEADERS)

    def log_in(self, password: str = PASSWORD) -> requests.Response:
        codes = {"invite_code": "", "instructor_invite_code": "", "mentor_invite_code": ""}
        form = {"email": EMAIL, "password": password, **codes}
        answer = self.session.post(f"{self.url}/v1/auth/login", data=form, timeout=10)
        if answer.ok:
            self.session.headers["bearer"] = answer.json()["result"]["token"]
        return answer

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.session.get(self.url + path, params=params, timeout=10, allow_redirects=False)

    def page(self, class_id: str, page: int = 0, count: int = 200) -> tuple[dict[str, Any], list[Any]]:
        params = {"return_count": count, "page": page, "sort_by_completed_at": -1}
        answer = self.get(f"/v1/classes/{class_id}/progressions", **params)
        assert answer.status_code == 200
        [text] = answer.json()["result"]["objects"]
        inside = json.loads(text)
        return inside["metadata"], inside["data"]

    def all_rows(self, class_id: str, count: int = 200) -> list[Any]:
        rows: list[Any] = []
        page, more = 0, True
        while more:
            metadata, data = self.page(class_id, page, count)
            rows += data
            page, more = page + 1, metadata["can_load_more"]
        assert len(rows) == metadata["total"]
        return rows


@pytest.fixture
def memory() -> tuple[MemorySchool, str]:
    """A school of one class with five rows, p0 the oldest, and the class's id."""
    school = MemorySchool()
    rows = [
        progression(f"p{n}", student=f"s{n}", completed=f"2026-01-0{n + 1}T10:00:00.000Z") for n in range(5)
    ]
    class_id = school.add_class("Small class", units=[{"name": "Week 1", "assignments": ["a"]}], rows=rows)
    return school, class_id


@pytest.fixture
def server(memory: tuple[MemorySchool, str]) -> Iterator[Running]:
    with running(memory[0], faults_over_http=True) as server:
        yield server


@pytest.fixture
def reader(server: Running) -> Reader:
    """Logged in to the small school."""
    reader = Reader(server)
    assert reader.log_in().ok
    return reader


@pytest.fixture
def new_reader() -> Callable[[Running], Reader]:
    return Reader


@pytest.fixture(scope="session")
def practice() -> PracticeSchool:
    return PracticeSchool()


@pytest.fixture(scope="session")
def practice_reader(practice: PracticeSchool) -> Iterator[Reader]:
    with running(practice) as server:
        reader = Reader(server)
        assert reader.log_in().ok
        yield reader
