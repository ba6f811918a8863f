"""The triage list, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cohort_core.metrics.cohort import build
from cohort_core.reports import catalog

from .school import columns, small_class, stalled_class


def test_triage_by_hand() -> None:
    report = catalog.triage([small_class(), stalled_class()])
    shown = ("kind", "class_name", "name", "days", "also")
    assert columns(report, *shown) == [
        # Since the 3rd of March, by the 6th of April and the 28th of March.
        ("never_started", "Stalled", "Old", 34, ["risk"]),
        ("risk", "Class", "ed", 25, []),
        ("never_started", "Class", "Fay", 25, ["risk"]),
        # Cy has been in a2 for as long as silent: of the two, being stuck is named.
        ("stuck", "Class", "cy", 18, ["engagement_gap"]),
        ("never_started", "Stalled", "New", 17, ["risk"]),
        ("engagement_gap", "Stalled", "s1", 13, []),
        ("engagement_gap", "Class", "ana", 13, []),
    ]
    assert report.more == 1
    everything = catalog.triage([small_class(), stalled_class()], limit=20).records()
    alarm = everything[-1]
    assert (alarm["kind"], alarm["student_id"], alarm["days"]) == ("cohort_alarm", None, 6)
    assert alarm["reason"] == (
        "The class completed 0.2 assignments a student in its last full week, where it had 1.8 in the four "
        "weeks before."
    )
    assert everything[0]["reason"] == "Enrolled 34 days ago and has started nothing."
    assert everything[0]["ends"] == "Ends with the first start, or a day of withdrawal on the roster."
    assert catalog.triage([]).records() == []


def test_a_student_of_two_classes_is_on_the_list_once() -> None:
    first, second = small_class(), small_class()
    second = build(replace(first.class_data, class_id="c2", name="Other"), date(2025, 3, 30))
    rows = catalog.triage([first, second], limit=20).records()
    assert len({row["student_id"] for row in rows}) == len(rows)
    assert {row["class_name"] for row in rows} == {"Other"}
