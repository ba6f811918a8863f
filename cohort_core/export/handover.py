"""The handover of a class or group to the next mentor, as a PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from cohort_core.export.pdf import typeset
from cohort_core.formatting import count, days_ago, long_day, percent, short_day
from cohort_core.metrics.cohort import Cohort, names_of_all
from cohort_core.metrics.groups import groups
from cohort_core.reports import catalog
from cohort_core.reports.labels import BANDS, OUTCOMES, describe_hide, look_of
from cohort_core.store.handover import QUESTIONS, HandoverNote
from cohort_core.store.hides import Hide

MAX_CONTACTS, MAX_REASONS = 3, 2


def handover(
    cohort: Cohort,
    contacts: pd.DataFrame,
    hides: Sequence[Hide],
    notes: Sequence[HandoverNote],
    *,
    anonymous: bool = False,
) -> bytes:
    """Typeset the handover on A4. Raises NotInstalled without the typesetter."""
    return typeset("handover.typ", content(cohort, contacts, hides, notes, anonymous=anonymous))


def gaps(cohort: Cohort, notes: Sequence[HandoverNote]) -> dict[str, int]:
    """Count the students without an answer, by question."""
    answered = {(note.student_id, note.question) for note in notes}
    return {
        question: sum((student_id, question) not in answered for student_id in cohort.students.index)
        for question in QUESTIONS
    }


def content(
    cohort: Cohort,
    contacts: pd.DataFrame,
    hides: Sequence[Hide],
    notes: Sequence[HandoverNote],
    *,
    anonymous: bool = False,
) -> dict[str, Any]:
    """Return everything that the handover says, as the data of handover.typ.

    `hides` are those that hold. The students come with the highest risk first.
    """
    local = cohort.as_of.tz_convert(cohort.tz)
    where = " · ".join(part for part in (cohort.class_data.name, cohort.group) if part)
    names = cohort.students["name"]
    of_group = {group.id for group in groups(cohort.classwide) if group.label == cohort.group}
    outcomes = catalog.outcomes(cohort, contacts).records()
    return {
        "title": f"Handover: {where}",
        "subtitle": f"As of {local:%A} {long_day(local)}{' · Names are pseudonyms.' if anonymous else ''}",
        "lines": _class_lines(cohort, len(outcomes)),
        "notes": _notes(
            [note for note in notes if note.student_id is None and (note.group_id or "") in {"", *of_group}]
        ),
        "hidden": [
            f"{names[hide.student_id]}: {describe_hide(hide)}"
            for hide in hides
            if hide.student_id in names.index
        ],
        "students": [
            {
                "name": row["name"],
                "lines": _student_lines(
                    row, [item for item in outcomes if item["student_id"] == row["student_id"]]
                ),
                "notes": _notes([note for note in notes if note.student_id == row["student_id"]]),
            }
            for row in catalog.student_health(cohort).records()
        ]
        + _withdrawn(cohort, notes),
    }


def _withdrawn(cohort: Cohort, notes: Sequence[HandoverNote]) -> list[dict[str, Any]]:
    """Return the answers about students who have left the class, or came later."""
    if cohort.group is not None:
        return []
    everybody = names_of_all(cohort.class_data)
    names = dict(zip(everybody.index, everybody, strict=True))
    left = {note.student_id for note in notes if note.student_id in names} - set(cohort.students.index)
    return [
        {
            "name": names[student_id],
            "lines": ["Not in the class on this day."],
            "notes": _notes([note for note in notes if note.student_id == student_id]),
        }
        for student_id in sorted(filter(None, left), key=names.__getitem__)
    ]


def _class_lines(cohort: Cohort, contacts: int) -> list[str]:
    summary = catalog.progress_summary(cohort).record()
    health = catalog.student_health(cohort).frame["risk"].value_counts()
    again = catalog.reteach(cohort).frame
    bands = ", ".join(f"{BANDS[band].label} {int(health.get(band, 0))}" for band in BANDS)
    first = ", ".join(again["name"].head(3)) or "none yet"
    return [
        f"{count(summary['total_students'], 'student')}, average completion "
        f"{percent(summary['avg_completion'])}.",
        f"Active in 7 days: {summary['active_this_week_count']}; "
        f"never started: {summary['not_started_count']}.",
        f"Risk: {bands}.",
        f"Worth teaching again: {first}.",
        f"{count(contacts, 'contact')} noted.",
    ]


def _student_lines(row: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return three lines: where the student is, what is in the way, and the contacts."""
    where = f"{look_of(row).label}; {row['completed']} of {row['total']} completed; last active "
    where += f"{days_ago(row['days_silent'])}." if row["days_silent"] is not None else "never."
    noted = "; ".join(
        f"{short_day(datetime.fromisoformat(item['at']))} ({item['channel']}): {OUTCOMES[item['outcome_7']]}"
        for item in contacts[:MAX_CONTACTS]
    )
    more = f" and {len(contacts) - MAX_CONTACTS} earlier" if len(contacts) > MAX_CONTACTS else ""
    return [
        where,
        " ".join(row["reasons"][:MAX_REASONS]) or "Nothing in the way that the numbers show.",
        f"Contacts: {noted}{more}." if contacts else "No contact noted.",
    ]


def _notes(notes: Sequence[HandoverNote]) -> list[dict[str, str]]:
    order = list(QUESTIONS)
    return [
        {"question": QUESTIONS[note.question], "text": note.text}
        for note in sorted(notes, key=lambda note: order.index(note.question))
    ]
