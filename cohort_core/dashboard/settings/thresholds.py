"""Where risk levels, stages and rankings begin, with a preview of the effect before saving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.config.thresholds import DEFAULTS, Thresholds
from cohort_core.dashboard.components import lists, notices
from cohort_core.dashboard.components.text import and_more, literal, markup
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, admin_of, part
from cohort_core.dashboard.page_words import FIXED
from cohort_core.metrics.threshold_effect import AFTER, BEFORE, Effect, effect
from cohort_core.reports.catalog import Triage
from cohort_core.reports.labels import BANDS, stage_words

MAX_NAMES = 12
MAX_CLASSES = 30
"""Classes in the preview; each new number computes them all again."""
_NOTICE = "thresholds-notice"

FIELDS = {
    "Risk levels": {
        "critical_gap": "Critical: points behind the class",
        "high_gap": "High: points behind the class",
        "medium_gap": "Medium: points behind the class",
    },
    "Activity": {
        "cooling_days": "Silent: days (first step)",
        "quiet_days": "Silent: days (second step)",
        "gone_days": "Silent: days (third step)",
    },
    "Lists": {
        "stuck_days": "Stuck after days",
        "least_ranked": "Rank an assignment after students",
        "triage_length": "Longest list of Needs attention",
    },
}
HELP = {
    "Risk levels": "A level begins so many risk points behind the class. Below medium is on pace.",
    "Activity": "For how many days a student has not started or completed anything. Below the first step a "
    "student is active.",
}
WRONG = {
    "gap": "Critical must begin above high, and high above medium.",
    "days": "Each step of silence must have more days than the one before.",
}


def show(view: View) -> None:
    st.caption(
        "Choose where each level begins. The score itself is fixed: it was tested as it is. Change a "
        "number to see who would move; nothing counts until you save it."
    )
    part(_ask, view)


def _ask(view: View) -> None:
    saved = view.reader.thresholds
    fixed = set_by_environment() & Thresholds.model_fields.keys()
    for title, fields in FIELDS.items():
        st.header(title, anchor=False, help=HELP.get(title))
        for (name, label), column in zip(fields.items(), st.columns(3), strict=True):
            _number(column, name, label, getattr(saved, name), disabled=name in fixed)
    if fixed:
        st.caption(f"Grey fields: {FIXED[0].lower()}{FIXED[1:]}")
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
            args=(DEFAULTS, fixed),
            help="Fills the defaults in above. They count once you save them.",
        )
        st.button("Undo", disabled=wanted == saved, on_click=_fill_in, args=(saved, fixed))
    notices.show(_NOTICE)
    if wanted is None:
        st.error(literal(problem))
    else:
        _show_effect(view, saved, wanted)


def _number(column: Any, name: str, label: str, value: float, *, disabled: bool) -> None:
    field = Thresholds.model_fields[name]
    minimum, maximum = (
        next(getattr(limit, end) for limit in field.metadata if hasattr(limit, end)) for end in ("ge", "le")
    )
    kind = type(value)
    st.session_state.setdefault(_key(name), value)
    column.number_input(
        label,
        min_value=kind(minimum),
        max_value=kind(maximum),
        step=kind(1),
        format="%g" if kind is float else "%d",
        key=_key(name),
        help=literal(f"{field.description} By default {getattr(DEFAULTS, name):g}."),
        disabled=disabled,
    )


def _key(name: str) -> str:
    return f"threshold-{name}"


def _wanted(saved: Thresholds) -> tuple[Thresholds | None, str]:
    """Return the thresholds of the inputs.

    If the numbers do not rise, the result is None, and a sentence says what is wrong.
    """
    inputs = {name: st.session_state.get(_key(name)) for name in Thresholds.model_fields}
    filled = {name: getattr(saved, name) if value is None else value for name, value in inputs.items()}
    try:
        return Thresholds(**filled), ""
    except ValidationError:
        falls = filled["medium_gap"] >= filled["high_gap"] or filled["high_gap"] >= filled["critical_gap"]
        return None, WRONG["gap" if falls else "days"]


def _fill_in(values: Thresholds, fixed: frozenset[str]) -> None:
    for name in Thresholds.model_fields.keys() - fixed:
        st.session_state[_key(name)] = getattr(values, name)


def _save(view: View, wanted: Thresholds) -> None:
    with guarded("thresholds", stop=False) as problems:
        admin_of(view).change_settings(Preferences(thresholds=wanted))
    success = "Saved. It counts on every page and in every file now."
    notices.keep(_NOTICE, problems, success)


def _show_effect(view: View, saved: Thresholds, wanted: Thresholds) -> None:
    """Show which students of each class would move, and who would need attention."""
    followed = view.reader.statuses(active_only=True)
    shown = [status.id for status in followed[:MAX_CLASSES]]
    cohorts = [cohort for cohort in map(view.reader.cohort, shown) if len(cohort.students)]
    if not cohorts:
        st.caption("Once a class is synced, this shows who would move.")
        return
    changed = wanted != saved
    st.header("What this would change" if changed else "As it is now", anchor=False)
    if len(followed) > MAX_CLASSES:
        st.caption(
            f"Shown for the first {MAX_CLASSES} of your {len(followed):,} classes. It will count for all."
        )
    unchanged = []
    for cohort in cohorts:
        class_effect = effect(cohort, wanted)
        lines = [_bands(class_effect), *_moves(class_effect, wanted)]
        if changed and len(lines) == 1:
            unchanged.append(cohort.class_data.name)
            continue
        _block(cohort.class_data.name, lines)
    if unchanged:
        st.html(f"<div class='ct-why'>Nothing changes in {markup(and_more(unchanged, MAX_NAMES))}.</div>")
    now, then = (view.reader.triage(thresholds=limits, class_ids=shown) for limits in (saved, wanted))
    _block("Needs attention, over these classes", _triage(now, then))


def _block(title: str, lines: Sequence[str]) -> None:
    """Show a title with lines below; the lines are markup, the title is not."""
    items = "".join(f"<li>{line}</li>" for line in lines)
    st.html(f"<div class='ct-effect'><div class='ct-name'>{markup(title)}</div><ul>{items}</ul></div>")


def _bands(class_effect: Effect) -> str:
    parts = []
    students = class_effect.students
    for band in BANDS:
        before, after = (int((students[f"band_{when}"] == band).sum()) for when in (BEFORE, AFTER))
        parts.append(f"{lists.band(band)} {_arrow(before, after)}")
    return " ".join(f"<span class='ct-nowrap'>{part}</span>" for part in parts)


def _moves(class_effect: Effect, limits: Thresholds) -> list[str]:
    """Return a line for each change: students in new bands or stages, and so on."""
    students = class_effect.students
    lines = [
        _line(f"Newly {look.label.lower()}", _moved(students, "band", band))
        for band, look in BANDS.items()
        if len(_moved(students, "band", band))
    ]
    lines += [
        _line(f"Newly {label[0].lower()}{label[1:]}", _moved(students, "stage", stage))
        for stage, label in stage_words(limits).items()
        if len(_moved(students, "stage", stage))
    ]
    before, after = students["stuck_before"] > 0, students["stuck_after"] > 0
    for label, is_moved in (("Newly stuck", after & ~before), ("No longer stuck", before & ~after)):
        if is_moved.any():
            lines.append(_line(label, students.loc[is_moved, "name"]))
    if class_effect.ranked_before != class_effect.ranked_after:
        arrow = _arrow(class_effect.ranked_before, class_effect.ranked_after)
        lines.append(f"Assignments that are ranked: {arrow}")
    return lines


def _moved(students: pd.DataFrame, what: str, to: str) -> pd.Series[str]:
    moved = (students[f"{what}_before"] != to) & (students[f"{what}_after"] == to)
    return students.loc[moved, "name"]


def _triage(now: Triage, then: Triage) -> list[str]:
    sizes = [(len(triage.frame), len(triage.frame) + triage.more) for triage in (now, then)]
    lines = [
        f"{_arrow(sizes[0][0], sizes[1][0])} listed, of {_arrow(sizes[0][1], sizes[1][1])} who need attention"
    ]
    before, after = (_listed(triage) for triage in (now, then))
    for label, names in (
        ("Comes on the list", [name for key, name in after.items() if key not in before]),
        ("Leaves it", [name for key, name in before.items() if key not in after]),
    ):
        if names:
            lines.append(_line(label, names))
    return lines


def _listed(triage: Triage) -> Mapping[tuple[Any, Any], str]:
    """Return the listed names by student id.

    An entry about a class has the id of the class instead.
    """
    return {
        (row["class_id"] if row["student_id"] is None else "", row["student_id"]): row["name"]
        for row in triage.records()
    }


def _line(label: str, names: Sequence[str] | pd.Series[str]) -> str:
    people = list(names)
    return f"{markup(label)} ({len(people):,}): {markup(and_more(people, MAX_NAMES))}"


def _arrow(before: int, after: int) -> str:
    return f"{before:,}" if before == after else f"<b>{before:,} → {after:,}</b>"
