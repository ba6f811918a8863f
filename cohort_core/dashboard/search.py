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
from cohort_core.metrics.cohort import names_of_all
from cohort_core.store.class_data import ClassData

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
    hits = []
    for status in view.classes:
        if not status.is_active or not status.synced_at:
            continue
        data = view.reader.class_data(status.id)
        present = set(view.reader.cohort(status.id, view.as_of).students.index)
        for student_id, name, haystack in _index(data):
            if student_id in present and all(word in haystack for word in words):
                hits.append(Hit(status.id, status.name, student_id, name))
    return sorted(hits, key=lambda hit: (not normalize(hit.name).startswith(words[0]), hit.name.casefold()))


def _address(hit: Hit) -> dict[str, str | None]:
    """Return the parameters of a student's page, which must not be narrowed to another group."""
    return {url_state.CLASS: hit.class_id, url_state.GROUP: None, "student": hit.student_id}


@cached_on
def _index(class_data: ClassData) -> list[tuple[str, str, str]]:
    """Return id, name, and the text that is searched, of each student."""
    students = class_data.students.drop_duplicates("student_id")
    names = names_of_all(class_data)
    emails = students["email"].fillna("")
    return [
        (student_id, names[student_id], normalize(f"{names[student_id]} {email}"))
        for student_id, email in zip(students["student_id"], emails, strict=True)
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
