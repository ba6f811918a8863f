"""Each person arranges the Overview: order, what is hidden, where it begins, never a number."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.dashboard import layout
from cohort_core.errors import BadInput
from cohort_core.metrics.groups import groups
from cohort_core.services.arrangement import LENGTHS, SECTIONS, Arrangement, read_arrangement
from cohort_core.services.principal import DASHBOARD_OWNER, principal_of
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.audit import load_events
from cohort_core.store.maintenance import backup
from tests.conftest import FAST_RETRIES
from tests.dashboard.conftest import Use, page, shown

OPEN = ("arrange",)


@pytest.fixture
def copied(practised: Workspace, tmp_path: Path, use: Use) -> Iterator[Workspace]:
    """A copy of the practice school for one test, which the pages use."""
    home = Home(tmp_path / "copied")
    home.ensure()
    backup(practised.database, home.database, asked_by="test")
    shutil.copy(practised.home.config, home.folder)
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    use(workspace)
    yield workspace
    workspace.stop()


def place(test: AppTest, words: str) -> int:
    """Return the place of some words in the text of a page; fail if they are not there."""
    everything = "\n".join(str(getattr(element, "value", "")) for element in test.main)
    assert words in everything, everything[:2000]
    return everything.index(words)


def test_a_section_moves_and_hides_and_all_of_it_comes_back(copied: Workspace) -> None:
    test = page("overview", unfold=OPEN)
    assert not test.exception
    assert place(test, "Needs attention") < place(test, "Progress")
    test.button(key="move--1-progress").click().run()
    for _ in range(4):
        test.button(key="move--1-progress").click().run()
    assert not test.exception
    assert place(test, "Progress") < place(test, "Needs attention")
    test.button(key="toggle-attention").click().run()
    assert "Needs attention" not in [element.value for element in test.main.header]
    assert "Needs attention (hidden)" in shown(test)
    fresh = page("overview", unfold=OPEN)
    assert "Needs attention (hidden)" in shown(fresh)
    fresh.button(key="arrange-reset").click().run()
    assert place(fresh, "Needs attention") < place(fresh, "Progress")
    assert Services(copied).own_arrangement(DASHBOARD_OWNER).load() == Arrangement()
    actions = {(event.who, event.action) for event in load_events(copied.database, 7)}
    assert actions == {("dashboard", "page arranged")}


def test_a_copied_address_shows_another_person_their_own(
    copied: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, role in (("boss", "admin"), ("ana", "mentor"), ("vic", "viewer")):
        accounts.create_account(copied.database, name, role, asked_by="test", now=utc_now())
    names = {account.name: principal_of(account) for account in accounts.load_accounts(copied.database)}
    services = Services(copied)

    def visit(name: str, query: dict[str, str] | None = None) -> AppTest:
        monkeypatch.setattr(layout, "current_principal", lambda: names[name])
        test = page("overview", query)
        assert not test.exception
        return test

    statuses = copied.cohorts.statuses(active_only=True)
    first, later = statuses[0].id, statuses[2].id
    group = groups(copied.cohorts.cohort(later))[0].id
    ana = services.own_arrangement(names["ana"])
    ana.change(class_id=later, group=group, list_length=5)
    ana.hide("praise", hidden=True)
    ana.move("progress", -1)
    accounts.change_account(
        copied.database,
        names["ana"].account_id or 0,
        asked_by="test",
        settings=accounts.find_account(copied.database, "ana").settings | {"mentor_name": "Ana"},
    )
    mine = visit("ana")
    assert mine.query_params["class"] == later
    assert mine.query_params["group"] == group
    address = dict(mine.query_params.items())
    theirs = visit("vic", address)
    assert services.own_arrangement(names["vic"]).load() == Arrangement()
    assert not ({"list_length", "sections", "hidden", "theme"} & set(theirs.query_params))
    assert theirs.query_params["class"] == later
    assert visit("vic").query_params["class"] == first
    # What is shown differs, no number does.
    assert mine.main.get("html")[0].proto == theirs.main.get("html")[0].proto
    # Signing out of everything, or another role, changes nothing of it; deletion does.
    assert ana.load().list_length == 5
    ana.change(group="")
    assert "group" not in visit("ana").query_params
    copied.set_active([later], active=False)
    assert visit("ana").query_params["class"] == first


def test_the_list_begins_with_as_many_as_one_likes_and_drafts_end_as_one_likes(copied: Workspace) -> None:
    own = Services(copied).own_arrangement(DASHBOARD_OWNER)
    own.change(list_length=15, sign_off="Best wishes,")
    reader = Services(copied).reader(DASHBOARD_OWNER)
    assert reader.signature == "Best wishes,"
    assert Services(copied).reader(DASHBOARD_OWNER, anonymous=True).signature is None
    test = page("overview")
    rows = [link for link in test.main.get("page_link") if "student=" in link.proto.query_string]
    own.change(list_length=5)
    fewer = page("overview")
    fewer_rows = [link for link in fewer.main.get("page_link") if "student=" in link.proto.query_string]
    assert len(rows) - len(fewer_rows) == 10


def test_what_cannot_be_used_is_refused_or_left_out(copied: Workspace) -> None:
    own = Services(copied).own_arrangement(DASHBOARD_OWNER)
    for wanted in ({"list_length": 6}, {"theme": "pink"}, {"sign_off": "a\nb"}, {"sign_off": "x" * 81}):
        with pytest.raises(BadInput):
            own.change(**wanted)
    assert own.load() == Arrangement()
    # Of a later version, or edited by hand.
    kept = {"sections": ["progress", "tea", "progress"], "hidden": ["tea", "praise"], "list_length": "many"}
    read = read_arrangement({**kept, "theme": 3, "class_id": 4, "group": []})
    assert sorted(read.sections) == sorted(SECTIONS)
    assert (read.hidden, read.list_length, read.theme, read.class_id) == (("praise",), None, None, None)
    assert read.sections.index("progress") > 0
    assert read_arrangement({"sections": SECTIONS[::-1], "list_length": LENGTHS[0]}) == Arrangement(
        sections=SECTIONS[::-1], list_length=LENGTHS[0]
    )
    own.hide("attention", hidden=True)
    own.hide("attention", hidden=True)
    assert own.hide("attention", hidden=False) == Arrangement()
    for _ in range(9):
        moved = own.move("week", 1)
    assert moved.sections[-1] == "week"
