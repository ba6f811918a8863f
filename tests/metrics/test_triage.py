"""The triage list, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from cohort_core.metrics.cohort import build
from cohort_core.metrics.triage import class_triage
from cohort_core.reports import catalog

from .school import columns, data_of, small_class, stalled_class, work


def test_triage_by_hand() -> None:
    report = catalog.triage([small_class(), stalled_class()])
    shown = ("urgency", "kind", "class_name", "name", "days", "also")
    assert columns(report, *shown) == [
        ("class", "cohort_alarm", "Stalled", "Stalled", 6, []),
        # Silent for 18 and 13 days. Cy is 8.8 points above the middle of the class, the others below it.
        # Cy has been in a2 for as long as silent: of the two, being stuck is named.
        ("slipping", "stuck", "Class", "cy", 18, ["engagement_gap"]),
        ("slipping", "engagement_gap", "Stalled", "s1", 13, []),
        ("slipping", "engagement_gap", "Class", "ana", 13, []),
        ("far_behind", "risk", "Class", "ed", 25, []),
        # By points: Fay has 21.7, the others less. Since the 3rd of March, by the 28th and the 6th of April.
        ("never_started", "never_started", "Class", "Fay", 25, ["risk"]),
        ("never_started", "never_started", "Stalled", "Old", 34, ["risk"]),
    ]
    assert report.more == 1
    everything = catalog.triage([small_class(), stalled_class()], limit=20).records()
    alarm = everything[0]
    assert (alarm["student_id"], alarm["risk"], alarm["last_contact"]) == (None, None, None)
    assert alarm["reason"] == (
        "The class completed 0.3 assignments a student in its last full week, where it had 1.8 in the four "
        "weeks before."
    )
    old = next(row for row in everything if row["name"] == "Old")
    assert old["reason"] == "Enrolled 34 days ago and has started nothing."
    assert old["ends"] == "Ends with the first start, or a day of withdrawal on the roster."
    assert catalog.triage([]).records() == []


def test_a_row_says_the_main_numbers_in_a_few_words() -> None:
    rows = catalog.triage([small_class(), stalled_class()], limit=20).records()
    assert {row["name"]: row["brief"] for row in rows if row["student_id"]} == {
        "cy": "silent for 18 days · stuck in A2 for 18 days",
        "s1": "silent for 13 days",
        "ana": "silent for 13 days",
        "ed": "22 points behind the class · 1 behind",
        "Fay": "enrolled 25 days ago, nothing started",
        "Old": "enrolled 34 days ago, nothing started",
        "New": "enrolled 17 days ago, nothing started",
    }


def test_a_student_of_two_classes_is_on_the_list_once() -> None:
    first, second = small_class(), small_class()
    second = build(replace(first.class_data, class_id="c2", name="Other"), date(2025, 3, 30))
    rows = catalog.triage([first, second], limit=20).records()
    # Two days later everybody but Ana has a little less: she is 19.2 points below the middle, not 19.8.
    assert [(row["name"], row["class_name"]) for row in rows] == [
        ("cy", "Class"),
        ("ana", "Other"),
        ("ed", "Class"),
        ("Fay", "Class"),
    ]


def climbing(day: int) -> Any:
    """Nine students, and Zoe, who stops after the first assignment and goes on opening things."""
    rows = [
        work(f"p{n}", f"a{a}", None, f"2025-03-{2 * a:02d} 10:00", 0.9)
        for n in range(9)
        for a in range(1, 15)
    ]
    rows += [work("zoe", "a1", None, "2025-03-02 10:00", 0.9)]
    rows += [work("zoe", f"a{a}", f"2025-03-{2 * a:02d} 11:00") for a in (4, 8, 11)]
    return build(data_of(rows, starts_on="2025-03-01"), date(2025, 3, day))


def test_who_has_a_higher_level_than_a_week_ago_is_slipping() -> None:
    def zoe(day: int) -> tuple[str, str]:
        levels = catalog.triage([climbing(day)], limit=20).records()
        return next((row["risk"], row["urgency"]) for row in levels if row["name"] == "zoe")

    # She is critical from the 4th on: at the end of the 10th for less than a week, of the 12th for longer.
    assert zoe(10) == ("critical", "slipping")
    assert zoe(12) == ("critical", "far_behind")
    # From the 15th on she has been stuck in a4, which is news for a week.
    assert zoe(16) == ("critical", "slipping")
    assert zoe(22) == ("critical", "far_behind")


def test_a_contact_is_shown_with_its_instant() -> None:
    at = pd.Timestamp("2025-03-27T09:00Z")
    part = class_triage(small_class())
    rows = catalog.triage_of([part], 20, (), {"cy": at}).records()
    assert {row["name"]: row["last_contact"] for row in rows if row["last_contact"]} == {
        "cy": "2025-03-27T09:00:00.000Z"
    }


def test_a_row_says_the_fact_that_put_the_student_into_its_group() -> None:
    def zoe(day: int) -> str:
        entries = catalog.triage([climbing(day)], limit=20).records()
        return str(next(row["brief"] for row in entries if row["name"] == "zoe"))

    # Beside her level stands since when, how far behind, or what she cannot get through.
    assert zoe(10).startswith("was on pace a week ago, now critical · ")
    assert zoe(12).split(" · ")[0].endswith(" points behind the class")
    assert zoe(16).startswith("stuck since this week in A4, open for 8 days · ")
    assert zoe(22).split(" · ")[0].endswith(" points behind the class")
    assert "since this week" not in zoe(22)
