"""Find a student of any followed class by name or email, from every page."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from cohort_core.caching import cached_on
from cohort_core.dashboard import url_state
from cohort_core.dashboard.components.text import count, literal
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, fragment, link, open_page
from cohort_core.dashboard.sections.student_filter import normalize
from cohort_core.metrics.triage import ClassTriage

MAX_HITS = 8
_KEY, _OPEN = "find", "find-open"


@dataclass(frozen=True)
class Hit:
    """A student who fits, in one class."""

    class_id: str
    class_name: str
    student_id: str
    name: str


def show(view: View) -> None:
    """Show the search field, and below it the students who fit.

    If only one fits, the page of that student opens.
    """

    def draw() -> None:
        with guarded("search"):
            _draw(view)

    fragment(draw)


def find(view: View, text: str) -> list[Hit]:
    """Return the students whose name or email has all words of the text.

    Case and accents do not matter. Names that begin with the text come first, then by name.
    """
    words = normalize(text).split()
    if not words:
        return []
    names = {status.id: status.name for status in view.classes if status.synced_at}
    hits = [
        Hit(part.class_id, names[part.class_id], student_id, part.names[student_id])
        for part in view.reader.class_triages(view.as_of, closed=True)
        if part.class_id in names
        for student_id, searched in _index(part)
        if all(word in searched for word in words)
    ]
    return sorted(hits, key=lambda hit: (not normalize(hit.name).startswith(words[0]), hit.name.casefold()))


def _address(hit: Hit) -> dict[str, str | None]:
    """Return the parameters of a student's page, which must not be narrowed to another group."""
    return {url_state.CLASS: hit.class_id, url_state.GROUP: None, "student": hit.student_id}


@cached_on
def _index(part: ClassTriage) -> list[tuple[str, str]]:
    """Return the id of each student of a class, and the text that is searched."""
    return [
        (student_id, normalize(f"{name} {part.emails.get(student_id, '')}"))
        for student_id, name in part.names.items()
    ]


def _draw(view: View) -> None:
    def search() -> None:
        hits = find(view, st.session_state.get(_KEY) or "")
        if len(hits) == 1:
            st.session_state[_OPEN] = hits[0]
            st.session_state[_KEY] = ""

    # The page is opened by a run and not by the callback, in which Streamlit cannot change the page.
    hit: Hit | None = st.session_state.pop(_OPEN, None)
    if hit is not None:
        open_page("student", **_address(hit))
    text = st.text_input(
        "Find a student",
        key=_KEY,
        on_change=search,
        placeholder="Name or email",
        icon=":material/search:",
        label_visibility="collapsed",
    )
    hits = find(view, text)
    if text.strip() and not hits:
        st.caption("Nobody of your classes has this name or email.")
    with st.container(key="people-found", gap=None):
        for hit in hits[:MAX_HITS]:
            is_elsewhere = view.shown is None or hit.class_id != view.shown.id
            where = f" · {hit.class_name}" if is_elsewhere else ""
            link("student", literal(f"{hit.name}{where}"), icon=False, also=_address(hit))
    if len(hits) > MAX_HITS:
        st.caption(f"and {count(len(hits) - MAX_HITS, 'other')}. Write more of the name.")
