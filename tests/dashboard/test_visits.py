"""When a visit ends, and the start of the changes on the Overview."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cohort_core.config.paths import Home
from cohort_core.dashboard import visits
from cohort_core.dashboard.visits import PAUSE, Visits
from cohort_core.services.workspace import Workspace
from tests.dashboard.conftest import page, shown

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_visit_ends_after_a_long_enough_pause(home: Home) -> None:
    assert visits.load(home.visits) == Visits()
    almost = PAUSE - timedelta(seconds=1)
    for at in (NINE, NINE + almost, NINE + 2 * almost):
        visits.record_page_view(home.visits, at)
        assert visits.load(home.visits).last is None
    ended = NINE + 2 * almost
    for at in (ended + PAUSE, ended + PAUSE + almost):
        visits.record_page_view(home.visits, at)
        assert visits.load(home.visits).last == ended
    assert visits.load(home.visits).ends == (ended,)
    assert stat.S_IMODE(home.visits.stat().st_mode) == 0o600


def test_page_views_within_a_minute_are_written_once(home: Home) -> None:
    visits.record_page_view(home.visits, NINE)
    visits.record_page_view(home.visits, NINE + timedelta(seconds=59))
    assert visits.load(home.visits).seen_at == NINE
    # If the clock was set back, the new time counts.
    visits.record_page_view(home.visits, NINE - timedelta(days=1))
    assert visits.load(home.visits).seen_at == NINE - timedelta(days=1)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"seen_at": 3, "ends": []}', '{"seen_at": "x", "ends": 1}']
)
def test_a_file_that_cannot_be_read_counts_as_none(home: Home, text: str) -> None:
    home.write_private(home.visits, text)
    assert visits.load(home.visits) == Visits()
    visits.record_page_view(home.visits, NINE)
    assert visits.load(home.visits).seen_at == NINE


def test_without_a_place_to_write_nothing_fails(home: Home) -> None:
    home.visits.mkdir(parents=True)
    visits.record_page_view(home.visits, NINE)
    assert visits.load(home.visits) == Visits()


@pytest.fixture
def visited(practised: Workspace) -> Iterator[datetime]:
    """The end of a mentor's last visit, a week ago, to the second."""
    ended = (datetime.now(UTC) - timedelta(days=7)).replace(microsecond=0)
    visits.record_page_view(practised.home.visits, ended)
    yield ended
    practised.home.visits.unlink()


def test_the_overview_begins_with_what_is_new_since_the_last_visit(
    big: str, practised: Workspace, visited: datetime
) -> None:
    test = page("overview", {"class": big})
    assert not test.exception
    since = test.button_group(key="since-widget")
    assert since.options[0] == "Last visit"
    assert "Since your last visit, 7 days ago" in test.button_group(key="kind-widget").label
    everything = sum(practised.cohorts.changes(big, visits.to_text(visited)).frame["kind"] == "completed")
    assert f"{everything} completions" in test.button_group(key="kind-widget").options
    # A copied address holds the instant. For a mentor without that visit, the page shows its date.
    assert test.query_params["visit"] == visits.to_text(visited)
    since.set_value("week").run()
    assert "visit" not in test.query_params


def test_an_address_of_another_mentor_shows_the_same_elsewhere(big: str, visited: datetime) -> None:
    theirs = visited - timedelta(days=3)
    test = page("overview", {"class": big, "visit": visits.to_text(theirs)})
    assert f"{theirs:%A} {theirs.day} {theirs:%B}" in test.button_group(key="since-widget").options[0]
    assert "10 days ago" in test.button_group(key="kind-widget").label
    # The address of the mentor's own visit always means the last visit.
    own = page("overview", {"class": big, "visit": visits.to_text(visited)})
    assert own.button_group(key="since-widget").options[0] == "Last visit"
    for nonsense in ("yesterday", "2026-01-01", "9999-12-31T23:59:59Z"):
        test = page("overview", {"class": big, "visit": nonsense})
        assert not test.exception
        assert test.button_group(key="since-widget").options[0] == "Last visit"
    old = page("overview", {"class": big, "visit": visits.to_text(visited), "as_of": "2026-10-01"})
    assert "Last visit" not in old.button_group(key="since-widget").options
    assert "What changed" in shown(old)
