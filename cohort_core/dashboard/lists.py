"""Small lists and bars that Streamlit has no element for. Every text goes through ``markup``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cohort_core.charts import BANDS
from cohort_core.dashboard.words import count, markup
from cohort_core.reports import Band


@dataclass(frozen=True)
class Person:
    """A student in a list: band, name, and why they are in it."""

    band: Band
    name: str
    why: str


def person(row: Mapping[str, Any]) -> Person:
    """A row of the report ``student_health``, its most telling numbers in words."""
    silent = row["days_silent"]
    facts = [f"{row['completed']} of {row['total']} done"]
    if row["stuck"]:
        facts.append(f"stuck in {row['stuck']}")
    if silent is None:
        facts.append("never started")
    else:
        facts.append("active today" if silent == 0 else f"last active {count(silent, 'day')} ago")
    return Person(row["risk"], row["name"], " · ".join(facts))


def people(persons: Iterable[Person]) -> None:
    rows = "".join(
        f"<li><span>{_band(one.band)}</span><span class='ct-name'>{markup(one.name)}</span>"
        f"<span class='ct-why'>{markup(one.why)}</span></li>"
        for one in persons
    )
    st.html(f"<ol class='ct-list'>{rows}</ol>")


@dataclass(frozen=True)
class Event:
    """Something that happened: how long ago, when exactly, to whom, and what."""

    ago: str
    moment: str
    name: str
    what: str


def events(happened: Iterable[Event]) -> None:
    rows = "".join(
        f"<li><span class='ct-ago' title='{markup(one.moment)}'>{markup(one.ago)}</span>"
        f"<span><span class='ct-name'>{markup(one.name)}</span> "
        f"<span class='ct-what'>{markup(one.what)}</span></span></li>"
        for one in happened
    )
    st.html(f"<ol class='ct-list ct-events'>{rows}</ol>")


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


def _band(band: Band) -> str:
    look = BANDS[band]
    return f"{_shape(look.shape, look.colour)}{look.label}"


def _shape(shape: str, colour: str) -> str:
    return f"<span class='ct-shape' style='color:{colour}' aria-hidden='true'>{shape}</span>"
