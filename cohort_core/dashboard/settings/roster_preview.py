"""The preview of a roster: the student of each line, and questions about the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from cohort_core import formatting
from cohort_core.dashboard.components.tables import MAX_ROWS, ROW_PIXELS
from cohort_core.dashboard.components.text import and_more, count, literal
from cohort_core.imports.roster_plan import Choices, PlannedLine, RosterPlan, display_name
from cohort_core.reports.labels import BANDS
from cohort_core.store.roster import Enrolment

MAX_GROUPS = 30
GROUP_NAMES = {"night": "Class nights", "region": "Regions"}
LINES_AT_ONCE = 20
ASK, SAME, NEW, LEAVE = "ask", "same", "new", "leave"
NEAR_CHOICES = {
    ASK: "Ask me again next time",
    SAME: "It is this student",
    NEW: "It is a new student",
    LEAVE: "Leave the line out",
}


@dataclass
class _Said:
    """The choices of the mentor on the page, by line number."""

    enrol_new: set[int] = field(default_factory=set)
    enrol_near: set[int] = field(default_factory=set)
    accept_near: set[int] = field(default_factory=set)
    leave: set[int] = field(default_factory=set)

    def choices(self) -> Choices:
        return Choices(
            enrol_new=frozenset(self.enrol_new),
            enrol_near=frozenset(self.enrol_near),
            accept_near=frozenset(self.accept_near),
            leave=frozenset(self.leave),
        )


def summary(plan: RosterPlan) -> str:
    """Count the lines of a file.

    For example "43 lines: 38 match a student of OpenClass, 1 is new, 2 are spelled differently, 1 cannot be
    used.".
    """
    numbers: Counter[str] = Counter(line.state for line in plan.lines)
    parts = [f"{numbers['matched']:,} match{'es' * (numbers['matched'] == 1)} a student of OpenClass"]
    for state, words in (("new", "new"), ("near", "spelled differently")):
        if numbers[state]:
            parts.append(f"{numbers[state]:,} {'is' if numbers[state] == 1 else 'are'} {words}")
    if numbers["not_used"]:
        parts.append(f"{numbers['not_used']:,} cannot be used")
    return f"{count(len(plan.lines), 'line')}: {', '.join(parts)}."


def show(plan: RosterPlan, key: str, *, anonymous: bool) -> Choices:
    """Show the lists of a plan, and return the choices for lines in question.

    ``key`` tells the widgets of one file from those of the next.
    """
    st.markdown("**What would be imported**")
    if plan.hint:
        st.warning(literal(plan.hint))
    st.text(summary(plan))
    for sentence in plan.file.assumptions:
        st.caption(literal(sentence))
    if plan.file.ignored_columns:
        st.text(f"Columns not used: {and_more(plan.file.ignored_columns, MAX_GROUPS)}")
    said = _Said()
    _near(plan.of_state("near"), key, said, anonymous=anonymous)
    _new(plan.of_state("new"), key, said, anonymous=anonymous)
    _not_used(plan.of_state("not_used"), key)
    if anonymous:
        st.caption("Names are hidden in anonymous mode.")
    elif matched := plan.of_state("matched"):
        with st.expander(f"Students of OpenClass ({len(matched)})"):
            show_table([_to_row(line) for line in matched], "Lines that match a student of OpenClass")
    return said.choices()


def show_result(plan: RosterPlan, *, anonymous: bool) -> None:
    """Show the rosters that result, and what they lose."""
    for part in plan.by_class.values():
        parts = [f"{part.name}: {count(len(part.after), 'student')} on the roster then"]
        for kind, numbers in part.groups().items():
            sizes = [f"{label} {number}" for label, number in sorted(numbers.items())]
            parts.append(f"{GROUP_NAMES[kind]}: {and_more(sizes, MAX_GROUPS)}")
        st.text(" · ".join(parts))
        if not part.before or plan.is_added:
            continue
        lost = f"of which {len(part.dropped):,} {'is' if len(part.dropped) == 1 else 'are'} not in this file"
        st.text(f"Replaces {count(len(part.before), 'line')}, {lost}.")
        if part.dropped and not anonymous:
            with st.expander(f"Taken off the roster ({len(part.dropped)})"):
                show_table([person_row(line) for line in part.dropped], "Lines that are taken off the roster")


def show_moves(plan: RosterPlan, moves: Mapping[str, pd.DataFrame], *, anonymous: bool) -> None:
    """Show who would change their risk band, which compares with the whole roster."""
    for class_id, moved in moves.items():
        if moved.empty:
            continue
        who = f"{count(len(moved), 'student')} of {plan.by_class[class_id].name}"
        st.text(
            f"{who} would have another risk level then. Risk compares with the rest of the class, and who "
            "never started counts in it."
        )
        if anonymous:
            continue
        with st.expander(f"Who changes risk level ({len(moved)})"):
            labels = {str(band): look.label for band, look in BANDS.items()}
            now, then = (moved[f"band_{when}"].map(labels) for when in ("before", "after"))
            rows = [
                {"Name": name, "Now": old, "Then": new}
                for name, old, new in zip(moved["name"], now, then, strict=True)
            ]
            show_table(rows, "Students who change their risk level")


def _near(lines: Sequence[PlannedLine], key: str, said: _Said, *, anonymous: bool) -> None:
    if not lines:
        return
    with st.expander(f"Perhaps a student of OpenClass ({len(lines)})", expanded=True):
        st.caption("These lines are not imported before you say who is meant.")
        for line in _some(lines, f"{key}-near"):
            label = (
                f"Line {line.line}"
                if anonymous
                else f"Line {line.line}: {_name(line)}. Do you mean {line.student_name}?"
            )
            chosen = st.selectbox(
                literal(label),
                list(NEAR_CHOICES),
                index=list(NEAR_CHOICES).index(LEAVE if line.was_answered else ASK),
                format_func=NEAR_CHOICES.__getitem__,
                key=f"{key}-near-{line.line}",
            )
            kept = {SAME: said.accept_near, NEW: said.enrol_near, LEAVE: said.leave}.get(chosen)
            if kept is not None:
                kept.add(line.line)


def _new(lines: Sequence[PlannedLine], key: str, said: _Said, *, anonymous: bool) -> None:
    if not lines:
        return
    enrolled = [line for line in lines if line.was_answered and line.is_used]
    asked = [line for line in lines if line not in enrolled]
    if enrolled and not anonymous:
        with st.expander(f"Not seen at OpenClass yet, enrolled before ({len(enrolled)})"):
            show_table([_to_row(line) for line in enrolled], "Students who were enrolled before")
    if not asked:
        return
    with st.expander(f"Nobody at OpenClass ({len(asked)})", expanded=True):
        st.caption(
            "Tick who is a student of the class and has not started yet. The others are left out, and you "
            "are not asked about them by automatic imports."
        )
        everybody = (
            st.checkbox(f"All {len(asked):,} of them", key=f"{key}-new-all") if len(asked) > 1 else False
        )
        shown = _some(asked, f"{key}-new")
        for line in asked:
            is_ticked = everybody
            if line in shown:
                label = f"Line {line.line}" if anonymous else f"Line {line.line}: {_name(line)}"
                note = f" ({line.reason})" if line.reason and not line.reason.startswith("matches") else ""
                before = ", left out before" if line.was_answered else ""
                ticked = st.checkbox(
                    literal(f"{label}{note}{before}"), key=f"{key}-new-{line.line}", disabled=everybody
                )
                is_ticked = is_ticked or ticked
            (said.enrol_new if is_ticked else said.leave).add(line.line)


def _not_used(lines: Sequence[PlannedLine], key: str) -> None:
    if lines:
        with st.expander(f"Cannot be used ({len(lines)})", expanded=True):
            shown = _some(lines, f"{key}-not-used")
            # A table would cut the reasons off on a phone.
            st.text("\n".join(f"Line {line.line}: {line.reason}." for line in shown))


def _some(lines: Sequence[PlannedLine], key: str) -> Sequence[PlannedLine]:
    """Return the lines to show: the first of many, more when asked for."""
    rounds = st.session_state.get(f"{key}-rounds", 1)
    if len(lines) > rounds * LINES_AT_ONCE:
        st.button(
            f"{LINES_AT_ONCE} more",
            key=f"{key}-more",
            on_click=lambda: st.session_state.update({f"{key}-rounds": rounds + 1}),
        )
    return lines[: rounds * LINES_AT_ONCE]


def _name(line: PlannedLine) -> str:
    email = line.enrolment.email
    return f"{line.name} · {email}" if email and email != line.name else line.name


def _to_row(line: PlannedLine) -> dict[str, Any]:
    row: dict[str, Any] = {"Line": line.line, "In the file": line.name}
    if line.student is not None:
        row["At OpenClass"] = line.student_name
    return row | {"Note": line.reason or None, "Email": line.enrolment.email} | _labels(line.enrolment)


def person_row(line: Enrolment, *, with_name: bool = True) -> dict[str, Any]:
    """Return a line of a roster for a table."""
    name = {"Name": display_name(line) or None} if with_name else {}
    return name | {"Email": line.email} | _labels(line)


def _labels(line: Enrolment) -> dict[str, Any]:
    return {
        "Class night": line.night,
        "Region": line.region,
        "Enrolled": line.enrolled_on,
        "Withdrawn": line.withdrawn_on,
    }


# On a phone the first three columns fit beside each other; the others follow by scrolling.
_WIDTHS = {
    "Line": st.column_config.NumberColumn(width=52, pinned=True),
    **{
        name: st.column_config.TextColumn(width=128)
        for name in ("In the file", "At OpenClass", "Name", "Do you mean")
    },
    **{name: st.column_config.TextColumn(width=84) for name in ("Now", "Then")},
}


def show_table(rows: Sequence[Mapping[str, Any]], alt: str) -> None:
    """Show rows without the columns that are empty."""
    frame = pd.DataFrame(rows).dropna(axis="columns", how="all")
    st.dataframe(
        frame,
        hide_index=True,
        height=(min(len(frame), MAX_ROWS) + 1) * ROW_PIXELS + 3,
        placeholder=formatting.MISSING,
        column_config=_WIDTHS,
        alt=alt,
    )
