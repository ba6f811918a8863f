"""A draft of a first message to a student, to copy and change.

It says in a mentor's words what the numbers say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import streamlit as st

from cohort_core.dashboard.components.text import count
from cohort_core.metrics.cohort import Cohort

# Exactly one address: some mail programs read a comma, or a line break, as the begin of another one.
_ADDRESS = re.compile(r"[^@\s,;:<>\"()\[\]\\\x00-\x1f\x7f]+@[^@\s,;:<>\"()\[\]\\\x00-\x1f\x7f]+")
_HELP = "Made from the numbers on this page, for you to change. Nothing is sent from here."


def show(
    cohort: Cohort, health: Mapping[str, Any], stuck: Sequence[str], missing: Sequence[str], *, mail: bool
) -> None:
    """Show the message with a button to copy it.

    With `mail` there is also a button to mail it; pages with pseudonyms have none.
    """
    student = cohort.students.loc[health["student_id"]]
    name = student["first_name"] if isinstance(student["first_name"], str) else None
    text = draft(name, health, stuck, missing, cohort.thresholds.cooling_days)
    with st.container(horizontal=True, horizontal_alignment="distribute", key="titled-message"):
        st.markdown("**A first message**", help=_HELP, width="content")
        if mail and isinstance(student["email"], str) and _ADDRESS.fullmatch(student["email"]):
            address = f"mailto:{quote(student['email'], safe='@')}?body={quote(text)}"
            st.link_button("Write an email", address, icon=":material/mail:", type="tertiary")
    st.code(text, language=None, wrap_lines=True)


def draft(
    name: str | None,
    health: Mapping[str, Any],
    stuck: Sequence[str],
    missing: Sequence[str],
    silent_days: int,
) -> str:
    """Write a message about the student's biggest obstacle, with a question about it.

    `name` is the first name, None if it is not known.
    `health` is a row of the report ``student_health``. `stuck` holds the assignments in which the student is
    stuck, the longest first. `missing` holds the assignments that most of the class has completed and the
    student has not, in course order.
    """
    return f"Hi{f' {name}' if name else ''},\n{_body(health, stuck, missing, silent_days)}"


def _body(health: Mapping[str, Any], stuck: Sequence[str], missing: Sequence[str], silent_days: int) -> str:
    silent = health["days_silent"]
    if silent is None:
        began = f" Most of the class began with “{missing[0]}”." if missing else ""
        return (
            f"I have not seen you in the course yet, and wanted to ask how you are.{began} What would help "
            "you to begin?"
        )
    if silent >= silent_days:
        back = ""
        if stuck:
            back = f" If it was “{stuck[0]}” that stopped you: I am glad to look at it with you."
        elif missing:
            back = f" When you are back, “{missing[0]}” is a good place to go on."
        return f"I have not seen you in the course for {count(silent, 'day')}. Is everything all right?{back}"
    if stuck:
        return (
            f"I saw that “{stuck[0]}” has kept you busy for a while. What holds you up? I am glad to look "
            "at it with you."
        )
    if health["risk"] != "low" and missing:
        names = " and ".join(f"“{name}”" for name in missing[:2])
        return (
            f"Most of the class is through with {names}, which you have not finished. Is there something "
            "that gets in your way? I am glad to help."
        )
    return (
        f"You have completed {health['completed']} of {health['total']}. How is it going, and is there "
        "anything that you would like to look at more closely?"
    )
