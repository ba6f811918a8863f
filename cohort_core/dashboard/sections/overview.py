"""The sections of the Overview, in the order that a person chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any, NamedTuple

import streamlit as st

from cohort_core.dashboard.components import downloads, lists, notices, progress_lines
from cohort_core.dashboard.components.text import about
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, link, part
from cohort_core.dashboard.sections import changes, contacts, headline, praise, triage
from cohort_core.dashboard.sidebar import KINDS
from cohort_core.metrics.groups import groups
from cohort_core.reports import catalog
from cohort_core.services import arrangement
from cohort_core.services.arrangement import EVERYONE, LENGTHS, Section

_NOTICE, _OPEN = "arrange-notice", "arrange"
_DEVICE = "device"
_THEMES = {_DEVICE: "As this device", "light": "Light", "dark": "Dark"}


def _show_reteach(view: View) -> None:
    lists.reteach(view, catalog.reteach(view.cohort), max_assignments=3, max_names=5)
    link("blockers", "All blockers")


def _show_progress(view: View) -> None:
    weeks = catalog.progress_over_time(view.cohort)
    downloads.heading(view, "Progress", report=weeks, picture=progress_lines.picture)
    progress_lines.show(
        weeks.frame,
        alt="Assignments completed and in progress, summed over all students, at the end of each week",
    )
    headline.show_counts(view)
    link("trends", "All trends")


class _Part(NamedTuple):
    title: str
    draw: Callable[[View], object]
    is_wide: bool = False
    reruns_alone: bool = True


PARTS: Mapping[Section, _Part] = {
    "week": _Part("The class in one line", headline.show, is_wide=True, reruns_alone=False),
    "attention": _Part("Needs attention", triage.show, is_wide=True),
    "outcomes": _Part("What came of your messages", contacts.show_outcomes),
    "changes": _Part("What changed", changes.show),
    "praise": _Part("Deserve a word", praise.show),
    "reteach": _Part("Worth teaching again", _show_reteach, reruns_alone=False),
    "progress": _Part("Progress", _show_progress, reruns_alone=False),
}


def show(view: View) -> None:
    """Show the sections in their order.

    Wide ones have the whole page, the others between them stand in two columns.
    """
    for is_wide, run in groupby(view.arrangement.shown, key=lambda name: PARTS[name].is_wide):
        names = list(run)
        if is_wide or len(names) == 1:
            _draw(view, names)
            continue
        left, right = st.columns(2, gap="large")
        with left:
            _draw(view, names[: len(names) // 2])
        with right:
            _draw(view, names[len(names) // 2 :])


def _draw(view: View, names: list[Section]) -> None:
    for name in names:
        if PARTS[name].reruns_alone:
            part(PARTS[name].draw, view)
        else:
            PARTS[name].draw(view)


def arrange(view: View) -> None:
    """Offer to arrange the page, closed at its end."""
    with st.expander("Arrange this page", key=_OPEN, icon=":material/tune:", on_change="rerun") as expander:
        if not expander.open:
            return
        notices.show(_NOTICE)
        owner = (
            "It is yours: others who open the same address see their own."
            if view.reader.principal.account_id is not None
            else "It holds for everybody on this computer."
        )
        st.caption(f"What is shown and in which order. No number changes by it. {owner}")
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown("**Sections**")
            for name in view.arrangement.sections:
                _show_section(view, name)
        with right:
            _ask_begin(view)
            _ask_list(view)
            if view.commands is not None:
                _ask_sign_off(view)
            _ask_theme(view)
        st.button("Reset to ours", key="arrange-reset", on_click=_reset, args=(view,))


def _show_section(view: View, name: Section) -> None:
    title, order = PARTS[name].title, view.arrangement.sections
    is_hidden = name in view.arrangement.hidden
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"section-{name}"):
        st.text(f"{title} (hidden)" if is_hidden else title, width="stretch")
        for words, icon, by, is_last in (
            ("Up", ":material/arrow_upward:", -1, name == order[0]),
            ("Down", ":material/arrow_downward:", 1, name == order[-1]),
        ):
            st.button(
                about(words, title),
                key=f"move-{by}-{name}",
                icon=icon,
                type="tertiary",
                disabled=is_last,
                on_click=_move,
                args=(view, name, by),
            )
        st.button(
            about("Show", title) if is_hidden else about("Hide", title),
            key=f"toggle-{name}",
            type="tertiary",
            on_click=_hide,
            args=(view, name, not is_hidden),
        )


def _ask_begin(view: View) -> None:
    followed = {status.id: status.name for status in view.classes if status.is_active}
    if len(followed) > 1:
        _choose(view, "class_id", "Begin with the class", {None: "The one that was shown last", **followed})
    offered = groups(view.cohort.classwide)
    if offered:
        labels = {choice.id: f"{KINDS[choice.kind]} {choice.label}" for choice in offered}
        _choose(view, "group", "Begin with the group", {None: "Not chosen", EVERYONE: "Everyone", **labels})


def _ask_list(view: View) -> None:
    ours = view.cohort.thresholds.triage_length
    lengths = {number: f"{number} students" for number in LENGTHS}
    _choose(
        view, "list_length", "Needs attention begins with", {None: f"{ours} students (settings)", **lengths}
    )


def _ask_sign_off(view: View) -> None:
    kept = view.arrangement.sign_off or ""
    key = f"arrange-sign-off-{kept}"
    st.text_input(
        "Sign-off above your name in drafts",
        value=kept,
        key=key,
        max_chars=arrangement.MAX_SIGN_OFF,
        placeholder="Best wishes,",
        on_change=_save_text,
        args=(view, "sign_off", key),
    )


def _ask_theme(view: View) -> None:
    kept = view.arrangement.theme or _DEVICE
    key = f"arrange-theme-{kept}"
    st.segmented_control(
        "Light or dark",
        list(_THEMES),
        format_func=_THEMES.__getitem__,
        default=kept,
        required=True,
        key=key,
        on_change=_save_theme,
        args=(view, key),
    )


def _choose(view: View, name: str, label: str, labels: Mapping[Any, str]) -> None:
    kept = getattr(view.arrangement, name)
    options = list(labels)
    key = f"arrange-{name}-{kept}"
    st.selectbox(
        label,
        options,
        index=options.index(kept) if kept in labels else 0,
        format_func=lambda option: labels.get(option, str(option)),
        key=key,
        on_change=_save_text,
        args=(view, name, key),
    )


# These run before the page does, so that one rerun shows the result.


def _move(view: View, name: Section, by: int) -> None:
    with guarded("arrangement", stop=False) as problems:
        view.own_arrangement.move(name, by)
    notices.keep(_NOTICE, problems, None)


def _hide(view: View, name: Section, hidden: bool) -> None:
    with guarded("arrangement", stop=False) as problems:
        view.own_arrangement.hide(name, hidden=hidden)
    notices.keep(_NOTICE, problems, None)


def _save_text(view: View, name: str, key: str) -> None:
    with guarded("arrangement", stop=False) as problems:
        view.own_arrangement.change(**{name: st.session_state[key]})
    notices.keep(_NOTICE, problems, None)


def _save_theme(view: View, key: str) -> None:
    with guarded("arrangement", stop=False) as problems:
        wanted = st.session_state[key]
        view.own_arrangement.change(theme=None if wanted == _DEVICE else wanted)
    notices.keep(_NOTICE, problems, None)


def _reset(view: View) -> None:
    with guarded("arrangement", stop=False) as problems:
        view.own_arrangement.reset()
    notices.keep(_NOTICE, problems, "The page is as we made it.")
