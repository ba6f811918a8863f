"""Small lists and bars that Streamlit has no element for. Every text goes through ``markup``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import streamlit as st

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components import downloads
from cohort_core.dashboard.components.text import count, literal, markup
from cohort_core.dashboard.layout import View, link, open_page
from cohort_core.reports.labels import BANDS
from cohort_core.reports.report import Report
from cohort_core.reports.rows import Band

SPARK_WIDTH, SPARK_HEIGHT, SPARK_COLOUR = 200, 40, "#2f7f88"


@dataclass(frozen=True)
class Person:
    """A student in a list: id, band (or another mark), name, and why they are in it, line by line."""

    student_id: str | None
    mark: str
    name: str
    why: Sequence[str]
    class_id: str | None = None
    """Of the student, if that is not the class that is shown. A need without a student is that of a class."""


def person(row: Mapping[str, Any]) -> Person:
    """A row of the report ``student_health``: its most telling numbers, and the reason with most points."""
    # That someone never started says it all.
    reasons = row["reasons"][:1] if row["days_silent"] is not None else []
    return Person(row["student_id"], band(row["risk"]), row["name"], [class_data(row), *reasons])


def _link(one: Person) -> None:
    also = {url_state.CLASS: one.class_id} if one.class_id else {}
    if one.student_id is None:
        link("trends", literal(one.name), icon=False, also=also)
    else:
        link("student", literal(one.name), icon=False, also=also | {"student": one.student_id})


def reteach(view: View, report: Report, most: int, names: int) -> None:
    """The first of the report ``reteach``, each with a link and the names of who is stuck in it."""
    downloads.heading(
        view,
        "Worth teaching again",
        report=report,
        help="Where many of those who started are stuck now, and work takes long. Blockers ranks all "
        "assignments, also those that many have given up or done badly.",
    )
    rows = report.records()
    least = view.cohort.thresholds.least_ranked
    if not rows:
        st.caption(f"Nothing: nobody is stuck where {least} or more have started.")
    with st.container(key="people-reteach", gap=None):
        for row in rows[:most]:
            with st.container(gap=None):
                also = {"assignment": row["assignment_id"]}
                link("assignment", literal(row["name"]), icon=False, also=also)
                more = row["stuck"] - names
                stuck = f"{row['stuck']} of {row['started']} who started it are stuck:"
                st.html(f"<div class='ct-why'>{markup(stuck)}</div>")
                _stuck_in(row, names)
                if more > 0:
                    st.html(f"<div class='ct-why'>and {more} more</div>")


def _stuck_in(row: Mapping[str, Any], most: int) -> None:
    """Who is stuck, by name, each leading to their page: one element, where a link each would be hundreds."""
    called = dict(zip(row["student_ids"][:most], row["students"], strict=False))
    picked = st.pills(
        "Stuck",
        list(called),
        format_func=lambda one: literal(called[one]),
        key=f"stuck-{row['assignment_id']}",
        label_visibility="collapsed",
        wrap=True,
    )
    if picked:
        open_page("student", student=picked)


def class_data(row: Mapping[str, Any]) -> str:
    """ "16 of 90 done · stuck in 1 · last active 61 days ago", of a row of ``student_health``."""
    silent = row["days_silent"]
    told = [f"{row['completed']} of {row['total']} done"]
    if row["stuck"]:
        told.append(f"stuck in {row['stuck']}")
    if silent is None:
        told.append("never started")
    else:
        told.append("active today" if silent == 0 else f"last active {count(silent, 'day')} ago")
    return " · ".join(told)


def people(persons: Iterable[Person], key: str, beside: Callable[[Person], None] | None = None) -> None:
    """Each with a link to the page of the student; `key` is unique on the page. `beside` draws what stands
    behind each.
    """
    with st.container(key=f"people-{key}", gap=None):
        for one in persons:
            first, *others = one.why
            why = f"<div class='ct-why'><span class='ct-mark'>{one.mark}</span>{markup(first)}</div>"
            why += "".join(f"<div class='ct-why'>{markup(line)}</div>" for line in others)
            with st.container(horizontal=True, gap="xsmall"):
                with st.container(gap=None, width="stretch"):
                    _link(one)
                    st.html(why)
                if beside:
                    beside(one)


@dataclass(frozen=True)
class Linked:
    """A name that leads to the page of what it names; `page` is student or assignment."""

    name: str
    page: str
    identity: str


@dataclass(frozen=True)
class Event:
    """Something that happened: how long ago, when exactly, and words of which some are links."""

    ago: str
    moment: str
    told: Sequence[str | Linked]


def events(happened: Iterable[Event], key: str) -> None:
    with st.container(key=f"events-{key}", gap=None):
        for one in happened:
            with st.container(horizontal=True, gap="xxsmall"):
                ago = f"<span class='ct-ago' title='{markup(one.moment)}'>{markup(one.ago)}</span>"
                st.html(ago, width=104)
                with st.container(
                    horizontal=True, gap="xxsmall", width="stretch", vertical_alignment="center"
                ):
                    for part in one.told:
                        if part:
                            _tell(part)


def _tell(part: str | Linked) -> None:
    if isinstance(part, Linked):
        also = {part.page: part.identity}
        link(part.page, literal(part.name), icon=False, also=also, width="content")
    else:
        st.html(f"<span class='ct-what'>{markup(part)}</span>", width="content")


def definitions(entries: Mapping[str, str | None]) -> None:
    """Names and what they are, below each other on a phone."""
    rows = "".join(
        f"<dt>{markup(name)}</dt><dd>{markup(value or '–')}</dd>" for name, value in entries.items()
    )
    st.html(f"<dl class='ct-facts'>{rows}</dl>")


@dataclass(frozen=True)
class Part:
    label: str
    number: int
    colour: str
    shape: str = "■"


def split(parts: Sequence[Part], noun: str) -> None:
    """A bar cut in proportion, and the same in words."""
    bar = "".join(
        f"<span style='flex:{part.number};background:{part.colour}'></span>" for part in parts if part.number
    )
    legend = "".join(
        f"<span>{_shape(part.shape, part.colour)}{markup(part.label)}: {count(part.number, noun)}</span>"
        for part in parts
    )
    st.html(f"<div class='ct-split' aria-hidden='true'>{bar}</div><div class='ct-legend'>{legend}</div>")


def sparkline(values: Sequence[int], what: str) -> None:
    """A line through these numbers, from 0 to the largest; nothing if there are fewer than two.

    Not the one of Streamlit's figures, which takes a whole drawing library for each of them.
    """
    if len(values) <= 1:
        return
    most = max(*values, 1)
    points = [
        (SPARK_WIDTH * at / (len(values) - 1), SPARK_HEIGHT * (1 - value / most))
        for at, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    told = markup(f"{what}: {', '.join(f'{value:,}' for value in values)}")
    drawing = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{SPARK_WIDTH}' height='{SPARK_HEIGHT + 4}' "
        f"preserveAspectRatio='none' viewBox='0 -2 {SPARK_WIDTH} {SPARK_HEIGHT + 4}'>"
        f"<polygon fill='{SPARK_COLOUR}' fill-opacity='0.15' "
        f"points='0,{SPARK_HEIGHT} {line} {SPARK_WIDTH},{SPARK_HEIGHT}'/>"
        f"<polyline fill='none' stroke='{SPARK_COLOUR}' stroke-width='2' vector-effect='non-scaling-stroke' "
        f"points='{line}'/></svg>"
    )
    # As a picture, since Streamlit takes drawings out of HTML.
    source = f"data:image/svg+xml,{quote(drawing)}"
    st.html(f"<img class='ct-spark' src='{source}' alt='{told}' title='{told}'>")


def legend(parts: Mapping[str, tuple[str, str]]) -> None:
    """What the colours of a chart mean, in the order in which it draws them."""
    entries = "".join(
        f"<span>{_shape('■', colour)}{markup(label)}</span>" for label, colour in parts.values()
    )
    st.html(f"<div class='ct-legend'>{entries}</div>")


def band_counts(counts: Mapping[Any, int]) -> None:
    split(
        [Part(look.label, counts.get(band, 0), look.colour, look.shape) for band, look in BANDS.items()],
        "student",
    )


def band(of: Band) -> str:
    """The band as markup."""
    return mark(BANDS[of].shape, BANDS[of].label, BANDS[of].colour)


def mark(shape: str, word: str, colour: str) -> str:
    """A shape in its colour, and a word, as markup."""
    return f"{_shape(shape, colour)}{markup(word)}"


def _shape(shape: str, colour: str) -> str:
    return f"<span class='ct-shape' style='color:{colour}' aria-hidden='true'>{shape}</span>"
