"""The start of every page: navigation, sidebar, selected class, and notices about missing data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any, NoReturn, ParamSpec

import pandas as pd
import streamlit as st

from cohort_core.caching import cached_on
from cohort_core.clock import utc_now
from cohort_core.dashboard import sidebar, sync_panel, url_state, visits
from cohort_core.dashboard.components.style import PRINTED_FROM_DARK, PRODUCT, STYLE
from cohort_core.dashboard.components.text import count, literal, parse_instant, upper_first
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.first_page import PAGES_FOLDER
from cohort_core.dashboard.identity import current_principal
from cohort_core.errors import CohortError, NotAllowed
from cohort_core.http.browser_pages import CLOSED
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.groups import Group, groups
from cohort_core.services.account_commands import AccountCommands
from cohort_core.services.admin_commands import AdminCommands
from cohort_core.services.arrangement import EVERYONE, Arrangement, OwnArrangement
from cohort_core.services.commands import Commands
from cohort_core.services.messages import MessageCommands
from cohort_core.services.own_account import OwnAccount
from cohort_core.services.principal import NOBODY, Principal
from cohort_core.services.reader import Reader
from cohort_core.services.services import shared_services
from cohort_core.store.class_data import ClassData
from cohort_core.store.classes import ClassStatus
from cohort_core.store.roles import Right
from cohort_core.store.roster import folded

P = ParamSpec("P")

_NAVIGATED = "navigated"
_IN_FRAGMENT: ContextVar[bool] = ContextVar("in_fragment", default=False)


@dataclass(frozen=True)
class Page:
    """A page of the dashboard.

    Its file in pages/ and its address have the same name. So the address is right even when Streamlit
    discovers the file itself.
    """

    name: str
    title: str
    icon: str
    in_sidebar: bool = True
    """Also False for Connect: the sidebar shows it only until there is a school."""
    right: Right = "read"
    """The right that it takes to open it."""
    needs_account: bool = False

    def is_open_to(self, principal: Principal) -> bool:
        """Return True if a person may open the page."""
        if self.needs_account and principal.account_id is None:
            return False
        return principal.may_administer if self.right == "administer" else principal.may(self.right)

    def streamlit_page(self) -> Any:
        return st.Page(
            PAGES_FOLDER / f"{self.name}.py",
            # No icon here: Streamlit would use it for the tab, and fetch it from another host.
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
        Page("matrix", "Matrix", ":material/grid_on:"),
        Page("trends", "Trends", ":material/show_chart:"),
        Page("class_night", "Class night", ":material/nightlight:"),
        Page("handover", "Handover", ":material/handshake:"),
        Page("classes", "Classes", ":material/school:"),
        Page("settings", "Settings", ":material/settings:", right="act"),
        Page("connect", "Connect", ":material/link:", in_sidebar=False, right="administer"),
        Page("student", "Student", ":material/person:", in_sidebar=False),
        Page("assignment", "Assignment", ":material/assignment:", in_sidebar=False),
        Page("my_account", "My account", ":material/account_circle:", in_sidebar=False, needs_account=True),
    )
}


@dataclass(frozen=True)
class View:
    """The data and the selection of a page.

    Every page that needs a class has a `cohort`.
    """

    reader: Reader
    commands: Commands | None
    """None for a person who may only read: no button is drawn then."""
    admin: AdminCommands | None
    classes: list[ClassStatus]
    shown: ClassStatus | None
    maybe_cohort: Cohort | None = None
    group_id: str | None = None
    as_of: str | None = None
    arrangement: Arrangement = field(default_factory=Arrangement)

    @property
    def own_arrangement(self) -> OwnArrangement:
        """The actions with which a person arranges the dashboard."""
        return shared_services().own_arrangement(self.reader.principal)

    @property
    def accounts(self) -> AccountCommands:
        """The actions on accounts. Raises ``NotAllowed`` for others than administrators."""
        return shared_services().accounts(self.reader.principal)

    @property
    def messages(self) -> MessageCommands:
        """The actions on messages. Raises ``NotAllowed`` for a person who may only read."""
        return shared_services().messages(self.reader.principal)

    @property
    def own_account(self) -> OwnAccount:
        """The actions of the person who signed in on their own account."""
        return shared_services().own_account(self.reader.principal)

    @property
    def cohort(self) -> Cohort:
        if self.maybe_cohort is None:
            raise AssertionError("this page began without a class")
        return self.maybe_cohort

    @property
    def class_id(self) -> str:
        return self.cohort.class_data.class_id

    def of_no_class(self) -> View:
        """Return this view without its class, for parts about all classes."""
        return replace(self, shown=None, maybe_cohort=None)

    def earlier(self, days: int) -> Cohort:
        """Return the cohort of the same selection, so many days earlier."""
        then = self.cohort.as_of - pd.Timedelta(days=days)
        return self.reader.cohort(self.class_id, then, self.group_id, self.cohort.type)

    @property
    def age(self) -> sync_panel.Age:
        """When the shown class was last synced; on a past day, when it was then."""
        if self.as_of:
            then = self.reader.last_sync_before(self.class_id, self.cohort.as_of)
            return sync_panel.Age(parse_instant(then) if then else None, self.cohort.tz, is_past=True)
        synced_at = parse_instant(self.shown.synced_at) if self.shown and self.shown.synced_at else None
        return sync_panel.Age(synced_at, self.maybe_cohort.tz if self.maybe_cohort else UTC)

    @property
    def now(self) -> datetime:
        """The instant from which texts such as "3 days ago" count back.

        It is the *as of* of the page, or the present, in the class's zone.
        """
        if self.as_of:
            return self.cohort.as_of.tz_convert(self.cohort.tz).to_pydatetime()
        return utc_now().astimezone(self.cohort.tz)


def admin_of(view: View) -> AdminCommands:
    """Return the actions of an administrator. Raises ``NotAllowed`` for other people."""
    if view.admin is None:
        raise NotAllowed("This page is for administrators. Ask one of them to change it.")
    return view.admin


def navigate() -> Any:
    """Register all pages with Streamlit, and return the page that the address means."""
    st.session_state[_NAVIGATED] = True
    return st.navigation([page.streamlit_page() for page in PAGES.values()], position="hidden")


@contextmanager
def begin(name: str, *, needs_class: bool = True) -> Iterator[View]:
    """Start a page, and end it with a notice if something fails.

    A page that needs a class continues only when there is a class with students. Until then it says what
    to do next. Until some session has run `app.py`, Streamlit runs the file of a page without it; in that
    case `begin` registers the pages itself.
    """
    if not st.session_state.get(_NAVIGATED):
        navigate()
        st.rerun()
    page = PAGES[name]
    st.set_page_config(page_title=f"{page.title} · {PRODUCT}", layout="wide")
    st.html(STYLE + (PRINTED_FROM_DARK if st.context.theme.type == "dark" else ""))
    st.title(page.title, anchor=False)
    with guarded(name):
        if shared_services().is_closed():
            # A tab that was open already; a new one is not answered at all.
            st.error(CLOSED)
            st.stop()
        if current_principal() == NOBODY:
            # A tab that was open when the first account was made, or when its own was disabled.
            st.info("Everybody signs in here now.")
            st.html('<p><a href="/login" target="_self">Sign in</a></p>')
            st.stop()
        view = _prepare(page, needs_class)
        if not page.is_open_to(view.reader.principal):
            raise NotAllowed("Your role cannot open this page. Ask an administrator.")
        if sync_panel.is_run_by_person():
            visits.record_page_view(view.reader.visits_file, utc_now())
        yield view


def name_tab(name: str) -> None:
    """Name the browser's tab after a student or assignment.

    So several tabs can be kept apart.
    """
    st.set_page_config(page_title=f"{name} · {PRODUCT}", layout="wide")


def part(draw: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Draw a part of a page that reruns alone.

    A click on a choice in the part does not run the rest of the page.
    """

    def draw_guarded() -> None:
        with guarded(draw.__name__):
            draw(*args, **kwargs)

    fragment(draw_guarded)


def fragment(draw: Callable[[], object]) -> None:
    """Draw something that reruns alone; within a part, it reruns with that part.

    Streamlit must not get a fragment inside another. When the outer one reruns before its last answer was
    sent, Streamlit drops the rest of that answer, but sends what it holds of the inner one. The browser has
    no place for it ("Bad delta path index"), and shows a broken page.
    """

    def draw_inside() -> None:
        token = _IN_FRAGMENT.set(True)
        try:
            draw()
        finally:
            _IN_FRAGMENT.reset(token)

    if _IN_FRAGMENT.get():
        with st.container():
            draw()
    else:
        st.fragment(draw_inside)()


def lazy_expander(label: str, key: str, draw: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Show a closed expander that computes and sends its content only when somebody opens it."""

    def draw_if_open() -> None:
        with st.expander(label, key=key, on_change="rerun") as expander, guarded(draw.__name__):
            if expander.open:
                draw(*args, **kwargs)

    fragment(draw_if_open)


def link(
    name: str,
    label: str | None = None,
    *,
    icon: bool = True,
    also: Mapping[str, str | None] | None = None,
    **kwargs: Any,
) -> None:
    """Show a link to another page that keeps the selection.

    `also` holds further parameters of the address.
    """
    page = PAGES[name]
    st.page_link(
        page.streamlit_page(),
        label=label or page.title,
        icon=page.icon if icon else None,
        query_params=url_state.link_parameters(also) or None,
        **kwargs,
    )


def open_page(name: str, **also: str | None) -> NoReturn:
    """Go to another page, as a link does.

    For a moment Streamlit gives this page the parameters of the other page, and the browser's Back button
    returns to that address. So the new address also keeps the parameters that this page needs, but for
    those that `also` takes out with None.
    """
    page = PAGES[name].streamlit_page()
    kept = {name: value for name, value in st.query_params.to_dict().items() if name not in also}
    st.switch_page(page, query_params=kept | url_state.link_parameters(also))


def _prepare(page: Page, needs_class: bool) -> View:
    services, principal = shared_services(), current_principal()
    arrangement = Arrangement()
    with suppress(CohortError):
        # What cannot be read is said below.
        arrangement = services.own_arrangement(principal).load()
    with st.sidebar:
        # The script of the first page reads the theme.
        st.html(f'<div class="ct-product" data-ct-theme="{arrangement.theme or ""}">{PRODUCT}</div>')
        if principal.account_id is not None:
            _show_person(principal)
        search_place = st.container()
        links = st.container(gap="xxsmall")
        selectors = st.container()
        syncs = st.container()
    is_connected = False
    try:
        reader = services.reader(principal, anonymous=url_state.choose_anonymous())
        commands = services.commands(principal) if principal.may_act else None
        admin = services.admin(principal) if principal.may_administer else None
        is_connected = reader.is_connected()
        classes = reader.statuses()
        active = [status for status in classes if status.is_active]
        chosen = url_state.choose_class(
            active, are_all=principal.class_ids is None, preferred=arrangement.class_id
        )
        shown = next((status for status in active if status.id == chosen.id), None)
        with selectors:
            view, notices = _select(
                View(reader, commands, admin, classes, shown, arrangement=arrangement), active
            )
    finally:
        # Even when no data can be read, the links must be there, so that a mentor can leave the page.
        with links:
            for other in PAGES.values():
                is_first = other.name == "connect" and not is_connected
                if (other.in_sidebar or is_first) and other.is_open_to(principal):
                    link(other.name, width="stretch")
    if view.maybe_cohort is not None:
        # It needs this module, so it cannot be imported above.
        from cohort_core.dashboard import search

        with search_place:
            search.show(view)
    with syncs:
        sync_panel.panel(
            view,
            view.age if shown else None,
            can_sync=is_connected and any(status.is_open for status in active),
        )

    with st.sidebar:
        sidebar.show_keys()
    if needs_class and shown is not None:
        st.text(_heading(shown, view))
    for notice in (chosen.notice, *notices):
        if notice and needs_class:
            st.info(literal(notice))
    if needs_class:
        _explain_emptiness(page, view, is_connected)
    return view


def _select(view: View, active: list[ClassStatus]) -> tuple[View, list[str | None]]:
    """Read the shown class, offer the choices of the sidebar, and remember the selection."""
    reader, shown = view.reader, view.shown
    selection = {url_state.ANONYMOUS: url_state.YES if url_state.choose_anonymous() else None}
    if shown is None:
        url_state.remember(selection)
        return view, []
    class_data = reader.class_data(shown.id)
    offered, types = groups(reader.cohort(shown.id)), _types(class_data)
    group = url_state.choose_part(
        url_state.GROUP,
        {choice.id for choice in offered},
        shown.id,
        "The address asks for a group that this class does not have. This is everyone.",
        preferred=_own_group(reader.principal, view.arrangement, offered),
    )
    kind = url_state.choose_part(
        url_state.TYPE,
        types,
        shown.id,
        "The address asks for a type of assignment that this class does not have. These are all.",
    )
    latest = (
        class_data.synced_at.tz_convert(class_data.timezone).date()
        if class_data.synced_at is not None
        else None
    )
    as_of = url_state.choose_as_of(latest)
    url_state.remember(
        selection
        | {
            url_state.CLASS: shown.id,
            url_state.GROUP: group.id,
            url_state.TYPE: kind.id,
            url_state.AS_OF: as_of.id,
        }
    )
    sidebar.show(
        active,
        offered,
        types,
        latest,
        reader.mentors(),
        is_forced=reader.is_always_anonymous,
        may_see_names=reader.principal.may_see_names,
    )
    cohort = reader.cohort(shown.id, as_of.id, group.id, types[kind.id] if kind.id else None)
    view = replace(view, maybe_cohort=cohort, group_id=group.id, as_of=as_of.id)
    return view, [group.notice, kind.notice, as_of.notice]


def _show_person(principal: Principal) -> None:
    """Show who is signed in, with the way to their account and out."""
    with st.container(key="person", horizontal=True, vertical_alignment="center", gap="small"):
        st.text(principal.who.removeprefix("account "), width="content")
        link("my_account", icon=False, width="content")
        # The script of the first page sends it, as a page of Streamlit has no forms of its own.
        st.html('<button type="button" class="ct-sign-out">Sign out</button>', width="content")


def _own_group(principal: Principal, arrangement: Arrangement, offered: Sequence[Group]) -> str | None:
    """Return the id of the group with which a person begins, if any.

    It is the one that they chose, else their first that the class has.
    """
    if arrangement.group == EVERYONE:
        return None
    if arrangement.group in {group.id for group in offered}:
        return arrangement.group
    own = {folded(group) for group in principal.groups}
    return next((group.id for group in offered if {folded(group.label), group.id} & own), None)


@cached_on
def _types(class_data: ClassData) -> dict[str, str]:
    """Return the types of assignment in course order, by their short ids for the address."""
    names = class_data.assignments.sort_values("position")["type"].dropna()
    return {blake2b(name.encode(), digest_size=4).hexdigest(): name for name in dict.fromkeys(names)}


def _heading(shown: ClassStatus, view: View) -> str:
    """Return the heading below the title.

    For example "Cohort 12 · Tuesday · quiz · as it was at the end of Monday 2 November 2026".
    """
    cohort = view.cohort
    parts = [shown.name, cohort.group, cohort.type]
    if view.as_of:
        day = date.fromisoformat(view.as_of)
        parts.append(f"as it was at the end of {day:%A} {day.day} {day:%B %Y}")
    return " · ".join(part for part in parts if part)


def _count_on_roster(view: View) -> int:
    """Count all students of the class who have not withdrawn.

    They need not count on the day that is shown.
    """
    return int(view.cohort.class_data.students["withdrawn_on"].isna().sum())


def _explain_emptiness(page: Page, view: View, is_connected: bool) -> None:
    """Say what to do when there is nothing to show, and end the page there."""
    if not view.classes and not is_connected:
        if page.name == "overview" and view.admin:
            st.switch_page(PAGES["connect"].streamlit_page())
        st.info(
            "Cohort Tracker does not know your school yet."
            if view.admin
            else "Cohort Tracker does not know the school yet. An administrator can connect it."
        )
        if view.admin:
            link("connect", "Connect to your school, or try the practice school")
    elif view.shown is None and view.admin is None:
        st.info("There is no class for you here yet. Ask an administrator to choose your classes.")
    elif view.shown is None:
        st.info("You do not follow a class yet. Choose the classes that you want to follow.")
        link("classes", "Choose classes")
    elif view.shown.synced_at is None:
        running = view.reader.running_job()
        if running is not None and view.shown.id in {run.class_id for run in running.runs}:
            st.info("The first sync of this class is running. This page fills itself when it has ended.")
        else:
            st.info(
                "This class has not been synced yet. Press Sync now in the sidebar to read it from OpenClass."
                if view.commands
                else "This class has not been synced yet. Its numbers appear after the first sync."
            )
    elif view.cohort.students.empty and (on_roster := _count_on_roster(view)):
        st.info(
            f"{upper_first(count(on_roster, 'student'))} {'is' if on_roster == 1 else 'are'} on the "
            f"roster, and "
            "nobody counts on this day: nobody has begun, and the class has no first day yet. They count "
            "from the first activity on, or from the first day that an administrator sets under Settings, "
            "Time zones."
        )
        if view.admin:
            link("settings", "Set the first day of the class", also={"part": "time"})
    elif view.cohort.students.empty:
        st.info("There are no students here yet. They appear with their first assignment, or with a roster.")
    elif view.cohort.assignments.empty:
        st.info("There are no assignments in this class yet. They come with the first sync after they exist.")
    else:
        return
    st.stop()
