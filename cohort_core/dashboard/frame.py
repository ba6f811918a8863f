"""What every page starts with: navigation, sidebar, the selected class, and what to do if it is empty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from cohort_core import workspace as workspaces
from cohort_core.cohort import Cohort, Group, groups
from cohort_core.dashboard import selection, sync
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.options import PROJECT
from cohort_core.dashboard.style import ICON, STYLE
from cohort_core.dashboard.words import count, instant, literal
from cohort_core.store.classes import ClassStatus
from cohort_core.workspace import Workspace

PRODUCT = "Cohort Tracker"
_NAVIGATED = "navigated"


@dataclass(frozen=True)
class Page:
    """A view: its file in pages/ and its address have the same name, also where Streamlit finds it itself."""

    name: str
    title: str
    icon: str

    def streamlit_page(self) -> Any:
        return st.Page(
            PROJECT / "pages" / f"{self.name}.py",
            # Not the icon: as that of the tab it would be fetched from another host.
            title=self.title,
            url_path=self.name,
            default=self.name == "overview",
        )


PAGES = {
    page.name: page
    for page in (
        Page("overview", "Overview", ":material/home:"),
        Page("blockers", "Blockers", ":material/block:"),
        Page("risk", "Student risk", ":material/person_alert:"),
        Page("trends", "Trends", ":material/show_chart:"),
        Page("classes", "Classes", ":material/school:"),
        Page("connect", "Connect", ":material/link:"),
    )
}


@dataclass(frozen=True)
class View:
    """What a page shows. `cohort` is there on every page that needs a class."""

    workspace: Workspace
    classes: list[ClassStatus]
    shown: ClassStatus | None
    maybe_cohort: Cohort | None
    group_id: str | None = None

    @property
    def cohort(self) -> Cohort:
        if self.maybe_cohort is None:
            raise AssertionError("this page began without a class")
        return self.maybe_cohort

    @property
    def age(self) -> sync.Age:
        """When the shown class was last synced."""
        at = instant(self.shown.synced_at) if self.shown and self.shown.synced_at else None
        return sync.Age(at, self.maybe_cohort.tz if self.maybe_cohort else UTC)

    @property
    def now(self) -> datetime:
        """This instant, in the class's zone."""
        return datetime.now(self.cohort.tz)


def navigate() -> Any:
    """Tell Streamlit which pages there are; returns the one that the address means."""
    st.session_state[_NAVIGATED] = True
    return st.navigation([page.streamlit_page() for page in PAGES.values()], position="hidden")


@contextmanager
def begin(name: str, *, needs_class: bool = True) -> Iterator[View]:
    """Start a page, and end it with a sentence if something fails.

    A page that needs a class goes on only when there is one with students in it; until then it says what
    to do next. Before any session has run `app.py`, Streamlit runs a page's file without it.
    """
    if not st.session_state.get(_NAVIGATED):
        navigate()
        st.rerun()
    page = PAGES[name]
    st.set_page_config(page_title=f"{page.title} · {PRODUCT}", page_icon=ICON, layout="wide")
    st.html(STYLE)
    st.title(page.title, anchor=False)
    with guarded(name):
        view = _prepare(page, needs_class)
        yield view


def link(name: str, label: str | None = None, *, icon: bool = True, **kwargs: Any) -> None:
    """A link to another page that keeps class and group."""
    page = PAGES[name]
    st.page_link(
        page.streamlit_page(),
        label=label or page.title,
        icon=page.icon if icon else None,
        query_params=selection.in_links() or None,
        **kwargs,
    )


def _prepare(page: Page, needs_class: bool) -> View:
    workspace = workspaces.shared_workspace()
    with st.sidebar:
        st.html(f'<div class="ct-product">{PRODUCT}</div>')
        links = st.container(gap="xxsmall")
        selectors = st.container()
        syncs = st.container()
    try:
        classes = workspace.statuses()
        is_connected = workspace.is_connected()
        active = [one for one in classes if one.is_active]
        chosen = selection.choose_class(active)
        shown = next((one for one in active if one.id == chosen.id), None)
        with selectors:
            cohort, group_notice = _select(workspace, shown, active)
    finally:
        # Also when nothing can be read, there must be a way out of this page.
        with links:
            for other in PAGES:
                link(other, width="stretch")
    view = View(workspace, classes, shown, cohort, st.query_params.get(selection.GROUP))
    with syncs:
        sync.panel(workspace, view.age if shown else None, can_sync=is_connected and bool(active))

    if needs_class and cohort is not None and shown is not None:
        st.text(_heading(shown, cohort))
    for notice in (chosen.notice, group_notice):
        if notice and needs_class:
            st.info(literal(notice))
    if needs_class:
        _explain_emptiness(page, view, is_connected)
    return view


def _select(
    workspace: Workspace, shown: ClassStatus | None, active: list[ClassStatus]
) -> tuple[Cohort | None, str | None]:
    """Read the class that is shown, offer the others, and remember the choice."""
    if shown is None:
        selection.remember(None, None)
        return None, None
    facts = workspace.facts(shown.id)
    offered = groups(facts)
    group = selection.choose_group(offered, shown.id)
    selection.remember(shown.id, group.id)
    _class_selector(active, shown.id)
    if offered:
        _group_selector(offered, group.id)
    return workspace.cohort(shown.id, group=group.id), group.notice


def _class_selector(active: list[ClassStatus], class_id: str) -> None:
    names = {one.id: one.name for one in active}

    def changed() -> None:
        selection.remember(st.session_state["class-widget"], None)

    st.session_state["class-widget"] = class_id
    st.selectbox(
        "Class",
        list(names),
        format_func=lambda one: names.get(one, one),
        key="class-widget",
        on_change=changed,
    )


def _group_selector(offered: list[Group], group_id: str | None) -> None:
    everyone = ""
    labels = {everyone: "Everyone"} | {
        one.id: f"{one.kind.capitalize()}: {one.label} ({count(one.students, 'student')})" for one in offered
    }

    def changed() -> None:
        selection.remember(st.query_params.get(selection.CLASS), st.session_state["group-widget"] or None)

    st.session_state["group-widget"] = group_id or everyone
    st.selectbox(
        "Group",
        list(labels),
        format_func=lambda one: labels.get(one, one),
        key="group-widget",
        on_change=changed,
        help="Numbers are the group's own. Who is stuck or at risk is measured against the whole class.",
    )


def _heading(shown: ClassStatus, cohort: Cohort) -> str:
    return f"{shown.name} · {cohort.group}" if cohort.group else shown.name


def _explain_emptiness(page: Page, view: View, is_connected: bool) -> None:
    """Say what to do when there is nothing to show, and end the page there."""
    if not view.classes and not is_connected:
        if page.name == "overview":
            st.switch_page(PAGES["connect"].streamlit_page())
        st.info("Cohort Tracker does not know your school yet.")
        link("connect", "Connect to your school, or try the practice school")
    elif view.shown is None:
        st.info("No class is active yet. Choose the classes that you want to follow.")
        link("classes", "Choose classes")
    elif view.shown.synced_at is None:
        running = view.workspace.running_job()
        if running is not None and view.shown.id in {run.class_id for run in running.runs}:
            st.info("The first sync of this class is running. This page fills itself when it has ended.")
        else:
            st.info(
                "This class has not been synced yet. Press Sync now in the sidebar to read it from OpenClass."
            )
    elif view.cohort.students.empty:
        st.info("There are no students here yet. They appear with their first assignment, or with a roster.")
    elif view.cohort.assignments.empty:
        st.info("There are no assignments in this class yet. They come with the first sync after they exist.")
    else:
        return
    st.stop()
