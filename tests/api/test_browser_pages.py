"""A person's browser gets a page where a program gets JSON; a closed home lets nobody in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from cohort_core.api.app import create_app
from cohort_core.clock import utc_now
from cohort_core.store.guard import is_closed, open_again
from cohort_core.store.tokens import create_token, load_tokens
from tests.conftest import serving
from tests.sync.conftest import SyncedClass
from tests.sync.conftest import synced as synced  # a fixture

BROWSER = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Dest": "document",
}


@pytest.fixture
def url(synced: SyncedClass) -> Iterator[str]:
    synced.sync()
    with serving(create_app(synced.workspace)) as address:
        yield address


@pytest.mark.parametrize(
    "host", ["tracker.example", "192.0.2.7", "my-computer:3000", "evil.example\\@127.0.0.1"]
)
@pytest.mark.parametrize("path", ["/dashboard/", "/dashboard/risk", "/", "/docs", "/classes"])
def test_under_another_name_a_browser_gets_a_page_with_a_link(url: str, host: str, path: str) -> None:
    answer = requests.get(f"{url}{path}", headers=BROWSER | {"Host": host}, timeout=10)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "{" not in answer.text.partition("</style>")[2]
    assert "cohort-tracker" not in answer.text
    link = answer.text.partition('href="')[2].partition('"')[0]
    assert link == url + (path if path.startswith("/dashboard") else "/dashboard")


def test_the_link_keeps_the_selection_and_nothing_becomes_code(url: str) -> None:
    path = "/dashboard/risk?class=a&x=%22%3E%3Cscript%3E"
    text = requests.get(url + path, headers=BROWSER | {"Host": "tracker.example"}, timeout=10).text
    assert "?class=a&amp;x=%22%3E%3Cscript%3E" in text
    odd = requests.get(
        f"{url}/dashboard/%3Cscript%3E%22", headers=BROWSER | {"Host": "x.example"}, timeout=10
    )
    assert "<script" not in odd.text


def test_the_public_address_is_the_link_if_there_is_one(synced: SyncedClass, url: str) -> None:
    with synced.workspace.home.config.open("a") as file:
        file.write('\npublic_url = "https://tracker.example.org"\n')
    for host, link in (("other.example", "https://tracker.example.org"), ("tracker.example.org", url)):
        text = requests.get(f"{url}/dashboard/", headers=BROWSER | {"Host": host}, timeout=10).text
        assert f'href="{link}/dashboard/"' in text


def test_settings_that_cannot_be_read_stop_no_page(synced: SyncedClass, url: str) -> None:
    with synced.workspace.home.config.open("a") as file:
        file.write('\ntimezone = "Nowhere/Else"\n')
    missing = requests.get(f"{url}/nothing", headers=BROWSER, timeout=10)
    assert (missing.status_code, f'href="{url}/dashboard"' in missing.text) == (404, True)
    foreign = requests.get(f"{url}/classes", headers=BROWSER | {"Host": "other.example"}, timeout=10)
    assert (foreign.status_code, f'href="{url}/dashboard"' in foreign.text) == (400, True)


@pytest.mark.parametrize(
    "headers", [{}, {"Accept": "*/*"}, {"Accept": "application/json"}, BROWSER | {"Sec-Fetch-Dest": "empty"}]
)
def test_programs_get_a_problem_as_before(url: str, headers: dict[str, str]) -> None:
    answer = requests.get(f"{url}/classes", headers=headers | {"Host": "tracker.example"}, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (400, "foreign_host")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_what_a_browser_may_read_stays_as_it_is(url: str) -> None:
    assert requests.get(f"{url}/classes", headers=BROWSER, timeout=10).json()
    missing = requests.get(f"{url}/nothing", headers=BROWSER, timeout=10)
    assert (missing.status_code, "dashboard" in missing.text) == (404, True)


def test_a_closed_home_lets_nobody_in(synced: SyncedClass, url: str) -> None:
    database = synced.workspace.database
    secret = create_token(database, "ci", "admin", asked_by="test", now=utc_now())
    with database.writing() as connection:
        connection.execute("DELETE FROM tokens")
    assert is_closed(database)
    for path in ("/classes", "/health", "/docs", "/dashboard/", "/dashboard/_stcore/health", "/tokens"):
        for headers in ({}, {"Authorization": f"Bearer {secret}"}):
            answer = requests.get(url + path, headers=headers, timeout=10)
            assert (answer.status_code, answer.json()["code"]) == (503, "closed")
    assert requests.post(f"{url}/tokens", json={"name": "x", "role": "admin"}, timeout=10).status_code == 503
    page = requests.get(f"{url}/dashboard/", headers=BROWSER, timeout=10)
    assert (page.status_code, "Cohort Tracker is closed" in page.text) == (503, True)
    new = create_token(database, "new", "viewer", asked_by="test", now=utc_now())
    assert requests.get(f"{url}/classes", timeout=10).status_code == 401
    mine = {"Authorization": f"Bearer {new}"}
    assert requests.get(f"{url}/classes", headers=mine, timeout=10).status_code == 200


def test_a_closed_home_can_be_opened_on_purpose(synced: SyncedClass, url: str) -> None:
    database = synced.workspace.database
    database.home.mark_guarded()
    assert requests.get(f"{url}/classes", timeout=10).status_code == 503
    open_again(database, asked_by="test")
    assert requests.get(f"{url}/classes", timeout=10).status_code == 200
    assert load_tokens(database) == []
