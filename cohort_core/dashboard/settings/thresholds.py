"""Where bands, stages and rankings begin, with what other numbers would change before they count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.config.thresholds import DEFAULTS, Thresholds
from cohort_core.dashboard.components import lists
from cohort_core.dashboard.components.text import and_more, literal, markup
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View
from cohort_core.dashboard.sections.student_filter import STAGES
from cohort_core.metrics.threshold_effect import AFTER, BEFORE, Effect, effect
from cohort_core.reports.catalog import Triage
from cohort_core.reports.labels import BANDS

MAX_NAMES = 12
_TOLD = "thresholds-told"
_UNITS = {"gap": "points", "days": "days"}

FIELDS = {
    "Risk bands": {
        "critical_gap": "Critical from, points above",
        "high_gap": "High from, points above",
        "medium_gap": "Medium from, points above",
    },
    "Activity": {
        "cooling_days": "Cooling after, days",
        "quiet_days": "Quiet after, days",
        "gone_days": "Gone after, days",
    },
    "Lists": {
        "stuck_days": "Stuck after, days",
        "least_ranked": "Ranked from, students",
        "triage_length": "Triage, most entries",
    },
}
HELP = {
    "Risk bands": "How far a student's risk lies above the middle of the class. Below medium is on pace.",
    "Activity": "How long ago the last start or completion was. Below cooling is active.",
}
WRONG = {
    "gap": "Critical must begin above high, and high above medium.",
    "days": "Cooling must begin before quiet, and quiet before gone.",
}


def show(view: View) -> None:
    st.caption(
        "Where the lines are drawn. How a risk score is made cannot be set: it was tested as it is. Change a "
        "number to see who would move; nothing counts until you save it."
    )
    st.fragment(_ask)(view)


def _ask(view: View) -> None:
    with guarded("thresholds"):
        saved = view.workspace.settings().thresholds
        given = set_by_environment() & Thresholds.model_fields.keys()
        for title, fields in FIELDS.items():
            st.subheader(title, anchor=False, help=HELP.get(title))
            for (name, label), column in zip(fields.items(), st.columns(3), strict=True):
                _number(column, name, label, getattr(saved, name), disabled=name in given)
        if given:
            st.caption("What is greyed out is set by the environment of the server; change it there.")
        wanted, problem = _wanted(saved)
        with st.container(horizontal=True):
            st.button(
                "Save",
                type="primary",
                disabled=wanted is None or wanted == saved,
                on_click=_save,
                args=(view, wanted),
            )
            st.button(
                "Back to the defaults",
                disabled=wanted == DEFAULTS,
                on_click=_fill_in,
                args=(DEFAULTS, given),
                help="Fills the defaults in above. They count once you save them.",
            )
            st.button("Undo", disabled=wanted == saved, on_click=_fill_in, args=(saved, given))
        if told := st.session_state.pop(_TOLD, None):
            good, sentence = told
            (st.success if good else st.error)(literal(sentence))
        if wanted is None:
            st.error(literal(problem))
        else:
            _show_effect(view, saved, wanted)


def _number(column: Any, name: str, label: str, value: float, *, disabled: bool) -> None:
    field = Thresholds.model_fields[name]
    least, most = (
        next(getattr(one, end) for one in field.metadata if hasattr(one, end)) for end in ("ge", "le")
    )
    kind = type(value)
    st.session_state.setdefault(_key(name), value)
    column.number_input(
        label,
        min_value=kind(least),
        max_value=kind(most),
        step=kind(1),
        format="%g" if kind is float else "%d",
        key=_key(name),
        help=literal(f"{field.description} By default {getattr(DEFAULTS, name):g}."),
        disabled=disabled,
    )


def _key(name: str) -> str:
    return f"threshold-{name}"


def _wanted(saved: Thresholds) -> tuple[Thresholds | None, str]:
    """What the inputs say; None and what is wrong if they do not rise."""
    asked = {name: st.session_state.get(_key(name)) for name in Thresholds.model_fields}
    filled = {name: getattr(saved, name) if value is None else value for name, value in asked.items()}
    try:
        return Thresholds(**filled), ""
    except ValidationError:
        falls = filled["medium_gap"] >= filled["high_gap"] or filled["high_gap"] >= filled["critical_gap"]
        return None, WRONG["gap" if falls else "days"]


def _fill_in(values: Thresholds, given: frozenset[str]) -> None:
    for name in Thresholds.model_fields.keys() - given:
        st.session_state[_key(name)] = getattr(values, name)


def _save(view: View, wanted: Thresholds) -> None:
    with guarded("thresholds", stop=False) as told:
        view.workspace.change_preferences(Preferences(thresholds=wanted), asked_by="dashboard")
    good = "Saved. Every page, answer, file and report draws the lines there now."
    st.session_state[_TOLD] = (False, told[0]) if told else (True, good)


def _show_effect(view: View, saved: Thresholds, wanted: Thresholds) -> None:
    """By class who would move, and what triage would list."""
    cohorts = [one for one in view.reader.active_cohorts() if len(one.students)]
    if not cohorts:
        st.caption("Once a class is synced, this shows who would move.")
        return
    changed = wanted != saved
    st.subheader("What this would change" if changed else "As it is now", anchor=False)
    still = []
    for cohort in cohorts:
        seen = effect(cohort, wanted)
        lines = [_bands(seen), *_moves(seen)]
        if changed and len(lines) == 1:
            still.append(cohort.class_data.name)
            continue
        _block(cohort.class_data.name, lines)
    if still:
        st.html(f"<div class='ct-why'>Nothing changes in {markup(and_more(still, MAX_NAMES))}.</div>")
    now = view.reader.triage(thresholds=saved)
    _block("Triage, over these classes", _triage(now, view.reader.triage(thresholds=wanted)))


def _block(title: str, lines: Sequence[str]) -> None:
    """Lines are markup, the title is not."""
    told = "".join(f"<li>{line}</li>" for line in lines)
    st.html(f"<div class='ct-effect'><div class='ct-name'>{markup(title)}</div><ul>{told}</ul></div>")


def _bands(seen: Effect) -> str:
    parts = []
    for band in BANDS:
        before, after = (int((seen.students[f"band_{when}"] == band).sum()) for when in (BEFORE, AFTER))
        parts.append(f"{lists.band(band)} {_arrow(before, after)}")
    return " ".join(f"<span class='ct-nowrap'>{part}</span>" for part in parts)


def _moves(seen: Effect) -> list[str]:
    """A line for each band and stage with new people in it, and what else differs."""
    students = seen.students
    lines = [
        _line(f"Newly {look.label.lower()}", _moved(students, "band", band))
        for band, look in BANDS.items()
        if len(_moved(students, "band", band))
    ]
    lines += [
        _line(f"Newly {label.lower()}", _moved(students, "stage", stage))
        for stage, label in STAGES.items()
        if len(_moved(students, "stage", stage))
    ]
    before, after = students["stuck_before"] > 0, students["stuck_after"] > 0
    for word, who in (("Newly stuck", after & ~before), ("No longer stuck", before & ~after)):
        if who.any():
            lines.append(_line(word, students.loc[who, "name"]))
    if seen.ranked_before != seen.ranked_after:
        lines.append(f"Assignments that are ranked: {_arrow(seen.ranked_before, seen.ranked_after)}")
    return lines


def _moved(students: pd.DataFrame, what: str, to: str) -> pd.Series[str]:
    moved = (students[f"{what}_before"] != to) & (students[f"{what}_after"] == to)
    return students.loc[moved, "name"]


def _triage(now: Triage, then: Triage) -> list[str]:
    sizes = [(len(one.frame), len(one.frame) + one.more) for one in (now, then)]
    lines = [f"{_arrow(sizes[0][0], sizes[1][0])} listed, of {_arrow(sizes[0][1], sizes[1][1])} needs"]
    before, after = (_listed(one) for one in (now, then))
    for word, names in (
        ("Comes on the list", [name for who, name in after.items() if who not in before]),
        ("Leaves it", [name for who, name in before.items() if who not in after]),
    ):
        if names:
            lines.append(_line(word, names))
    return lines


def _listed(one: Triage) -> Mapping[tuple[Any, Any], str]:
    rows = one.records()
    return {
        (row["class_id"] if row["student_id"] is None else "", row["student_id"]): row["name"] for row in rows
    }


def _line(word: str, names: Sequence[str] | pd.Series[str]) -> str:
    people = list(names)
    return f"{markup(word)} ({len(people):,}): {markup(and_more(people, MAX_NAMES))}"


def _arrow(before: int, after: int) -> str:
    return f"{before:,}" if before == after else f"<b>{before:,} → {after:,}</b>"
