"""Small lists and bars that Streamlit has no element for.

They are HTML, so every text in them goes through ``markup``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cohort_core import formatting
from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads
from cohort_core.dashboard.components.text import count, literal, markup
from cohort_core.dashboard.layout import View, link, open_page
from cohort_core.reports.band_meaning import Meanings
from cohort_core.reports.labels import BANDS, BandLook
from cohort_core.reports.report import Report
from cohort_core.reports.row_models import Band

RETEACH_ORDER = (
    "First comes the assignment in which the largest share of those who started is stuck now and that takes "
    "longest."
)


@dataclass(frozen=True)
class Person:
    """A student in a list, with lines that say why.

    `mark` is markup: the risk band or another mark.
    """

    student_id: str | None
    """None if the entry is about a whole class."""
    mark: str
    name: str
    why: Sequence[str]
    class_id: str | None = None
    """The class of the student, if it is not the class that the page shows."""


def _link(person: Person) -> None:
    also = {url_state.CLASS: person.class_id} if person.class_id else {}
    if person.student_id is None:
        link("trends", literal(person.name), icon=False, also=also)
    else:
        link("student", literal(person.name), icon=False, also=also | {"student": person.student_id})


def reteach(view: View, report: Report, max_assignments: int, max_names: int) -> None:
    """Show the first rows of the report ``reteach``.

    Each assignment is a link; below it stand the names of the students who are stuck in it, and a link to
    all of them if there is no room.
    """
    downloads.heading(view, "Worth teaching again", report=report)
    rows = report.records()
    min_started = view.cohort.thresholds.least_ranked
    if rows:
        st.caption(RETEACH_ORDER)
    else:
        st.caption(f"Nothing: nobody is stuck where {min_started} or more have started.")
    with st.container(key="people-reteach", gap=None):
        for row in rows[:max_assignments]:
            with st.container(gap=None):
                also = {"assignment": row["assignment_id"], "state": "stuck"}
                link("assignment", literal(row["name"]), icon=False, also=also)
                stuck = f"{row['stuck']} of {row['started']} who started it are stuck:"
                st.html(f"<div class='ct-why'>{markup(stuck)}</div>")
                _show_stuck_students(row, max_names)
                if row["stuck"] > max_names:
                    link("assignment", f"All {row['stuck']:,} who are stuck", icon=False, also=also)


def _show_stuck_students(row: Mapping[str, Any], max_names: int) -> None:
    """Show the names of the students who are stuck; a click opens the student's page.

    All names are one element of Streamlit. A link for each name would be hundreds of elements.
    """
    names = dict(zip(row["student_ids"][:max_names], row["students"], strict=False))
    picked = st.pills(
        "Stuck",
        list(names),
        format_func=lambda student_id: literal(names[student_id]),
        key=f"stuck-{row['assignment_id']}",
        label_visibility="collapsed",
        wrap=True,
    )
    if picked:
        open_page("student", student=picked)


def band_meanings(said: Meanings) -> None:
    """Show what may be said about the students of each band, with its limits."""
    lines = [f"{band(name)} · {markup(sentence)}" for name, sentence in said.of.items()]
    st.html("".join(f"<p>{line}</p>" for line in [*lines, markup(" ".join(said.limits))]))


def health_text(row: Mapping[str, Any]) -> str:
    """Describe a row of ``student_health``.

    For example "16 of 90 done · stuck in 1 · last active 61 days ago".
    """
    silent = row["days_silent"]
    parts = [f"{row['completed']} of {row['total']} done"]
    if row["stuck"]:
        parts.append(f"stuck in {row['stuck']}")
    if silent is None:
        parts.append("never started")
    else:
        parts.append("active today" if silent == 0 else f"last active {count(silent, 'day')} ago")
    return " · ".join(parts)


def people(persons: Iterable[Person], key: str, beside: Callable[[Person], None] | None = None) -> None:
    """Show a list of people, each with a link to the student's page.

    `key` must be unique on the page. `beside` draws an element to the right of each person.
    """
    with st.container(key=f"people-{key}", gap=None):
        for person in persons:
            first, *others = person.why
            mark = f"<span class='ct-mark'>{person.mark}</span>" if person.mark else ""
            why = f"<div class='ct-why'>{mark}{markup(first)}</div>"
            why += "".join(f"<div class='ct-why'>{markup(line)}</div>" for line in others)
            with st.container(gap=None):
                with st.container(horizontal=True, gap="xsmall"):
                    with st.container(gap=None, width="stretch"):
                        _link(person)
                    if beside:
                        beside(person)
                st.html(why)


@dataclass(frozen=True)
class Linked:
    """A name that links to its own page; `page` is student or assignment."""

    name: str
    page: str
    identity: str


@dataclass(frozen=True)
class Event:
    """Something that happened: how long ago, exactly when, and a sentence with links."""

    ago: str
    moment: str
    parts: Sequence[str | Linked]


def show_events(events: Iterable[Event], key: str) -> None:
    with st.container(key=f"events-{key}", gap=None):
        for event in events:
            with st.container(horizontal=True, gap="xxsmall"):
                ago = f"<span class='ct-ago' title='{markup(event.moment)}'>{markup(event.ago)}</span>"
                st.html(ago, width=104)
                with st.container(
                    horizontal=True, gap="xxsmall", width="stretch", vertical_alignment="center"
                ):
                    for part in event.parts:
                        if part:
                            _show_part(part)


def _show_part(part: str | Linked) -> None:
    if isinstance(part, Linked):
        also = {part.page: part.identity}
        link(part.page, literal(part.name), icon=False, also=also, width="content")
    else:
        st.html(f"<span class='ct-what'>{markup(part)}</span>", width="content")


def definitions(entries: Mapping[str, str | None]) -> None:
    """Show names with their values: side by side, and below each other on a phone."""
    rows = "".join(
        f"<dt>{markup(name)}</dt><dd>{markup(value or formatting.MISSING)}</dd>"
        for name, value in entries.items()
    )
    st.html(f"<dl class='ct-facts'>{rows}</dl>")


@dataclass(frozen=True)
class Part:
    """A part of a bar, with its label and number."""

    label: str
    number: int
    colour: str
    shape: str = "■"


def stacked_bar(parts: Sequence[Part], noun: str) -> None:
    """Show one bar cut in proportion, with a legend that gives the numbers."""
    legend = "".join(
        f"<span>{_shape(part.shape, part.colour)}{markup(part.label)}: {count(part.number, noun)}</span>"
        for part in parts
    )
    st.html(f"{_bar(parts)}<div class='ct-legend'>{legend}</div>")


def _bar(parts: Sequence[Part]) -> str:
    spans = "".join(
        f"<span style='flex:{part.number};background:{part.colour}'></span>" for part in parts if part.number
    )
    return f"<div class='ct-split' aria-hidden='true'>{spans}</div>"


def legend(parts: Mapping[str, tuple[str, str]]) -> None:
    """Show the meaning of a chart's colours, in the order of the chart."""
    entries = "".join(
        f"<span>{_shape('■', colour)}{markup(label)}</span>" for label, colour in parts.values()
    )
    st.html(f"<div class='ct-legend'>{entries}</div>")


def band_counts(counts: Mapping[Any, int]) -> None:
    stacked_bar(_bands(counts), "student")


def band_bar(counts: Mapping[Any, int]) -> str:
    """Return the bar of the bands with a short legend, as markup."""
    parts = _bands(counts)
    legend = "".join(
        f"<span>{_shape(part.shape, part.colour)}{markup(part.label)} <b>{part.number:,}</b></span>"
        for part in parts
    )
    return f"{_bar(parts)}<div class='ct-legend'>{legend}</div>"


def _bands(counts: Mapping[Any, int]) -> list[Part]:
    return [Part(look.label, counts.get(band, 0), look.colour, look.shape) for band, look in BANDS.items()]


def band(of: Band) -> str:
    """Return a risk band as markup."""
    return level(BANDS[of])


def level(look: BandLook) -> str:
    """Return the look of a risk level as markup."""
    return mark(look.shape, look.label, look.colour)


def mark(shape: str, word: str, colour: str) -> str:
    """Return a coloured shape and a word as markup."""
    return f"{_shape(shape, colour)}{markup(word)}"


def _shape(shape: str, colour: str) -> str:
    return f"<span class='ct-shape' style='color:{colour}' aria-hidden='true'>{shape}</span>"
