"""A student's own work: by hand, the same as a mentor sees it, and nothing in it depends on the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pandas as pd
import pytest
from hypothesis import given

from cohort_core.errors import BadInput
from cohort_core.http.my_progress_html import whole_page
from cohort_core.metrics.cohort import build
from cohort_core.metrics.own_progress import MAX_WEEKS, OwnProgress, OwnWork, own_progress
from cohort_core.reports import catalog
from cohort_core.services.own_page import OwnView

from .naive import Row
from .random_classes import QUICK, classes, instants
from .school import data_of, small_class, work

EVIL = "<script>alert(1)</script>"


def states(progress: OwnProgress) -> list[str]:
    return [f"{item.name} {item.state}{' for long' if item.is_long else ''}" for item in progress.work]


def test_own_progress_by_hand() -> None:
    cohort = small_class()
    cy = own_progress(cohort, "cy")
    assert states(cy) == [
        *("A1 completed", "A2 in_progress for long", "A3 to_come"),
        "More, assignment 2 to_come",
    ]
    assert (cy.work[0].grade, cy.work[0].completed_at) == (0.5, datetime(2025, 3, 7, 10, tzinfo=UTC))
    assert [(week.monday, week.started, week.completed) for week in cy.weeks] == [
        (date(2025, 3, 3), 1, 1),
        (date(2025, 3, 10), 1, 0),
    ]
    # Silent for 18 days: no day, and no word about it.
    assert (cy.done_on, cy.may_finish, cy.completed) == (None, False, 1)
    bo = own_progress(cohort, "bo")
    assert states(bo) == ["A1 completed", "A2 completed", "A3 in_progress", "More, assignment 2 to_come"]
    # Two completions in the two weeks with work that are over, so two more weeks from Friday the 28th.
    assert (bo.done_on, bo.may_finish) == (date(2025, 4, 11), True)
    nobody = next(
        student for student in cohort.students.index if student not in {"ana", "bo", "cy", "di", "ed"}
    )
    new = own_progress(cohort, nobody)
    assert (new.completed, new.weeks, new.done_on, new.may_finish) == (0, (), None, False)
    with pytest.raises(BadInput):
        own_progress(cohort, "nobody")


def test_a_day_more_than_a_year_off_is_no_forecast() -> None:
    rows = [work("ana", f"a{number}") | {"id": f"x{number}"} for number in range(60)]
    rows = [work("bo", f"a{number:02}", "2025-03-03 10:00", "2025-03-04 10:00") for number in range(60)]
    rows.append(work("ana", "a00", "2025-03-25 10:00", "2025-03-26 10:00"))
    slow = own_progress(build(data_of(rows), pd.Timestamp("2025-03-31T00:00Z")), "ana")
    assert (slow.done_on, slow.may_finish) == (None, True)
    assert own_progress(build(data_of(rows)), "bo").done_on == date(2025, 3, 4)


@QUICK
@given(classes(), instants)
def test_it_says_what_the_mentor_sees(school: Row, as_of: datetime) -> None:
    cohort = build(data_of(**school), as_of)
    for student_id in cohort.students.index:
        mine = own_progress(cohort, student_id)
        theirs = catalog.student_assignments(cohort, student_id).frame
        assert [item.assignment_id for item in mine.work] == list(theirs["assignment_id"])
        words = {"completed": "completed", "stuck": "in_progress", "not_started": "to_come"}
        assert [item.state for item in mine.work] == [words.get(state, state) for state in theirs["status"]]
        assert [item.is_long for item in mine.work] == list(theirs["status"] == "stuck")
        grades = [None if grade != grade else grade for grade in theirs["grade"]]
        assert [item.grade for item in mine.work] == grades
        assert sum(week.completed for week in mine.weeks) <= mine.completed
        assert len(mine.weeks) <= MAX_WEEKS


def view_of(progress: OwnProgress | None, **more: object) -> OwnView:
    return replace(
        OwnView(EVIL, UTC, datetime(2025, 3, 28, tzinfo=UTC), True, False, progress),
        **more,  # type: ignore[arg-type]
    )


def test_names_that_are_code_stay_text() -> None:
    work_ = OwnWork('"><i>', EVIL, EVIL, EVIL, "in_progress", datetime(2025, 3, 1, tzinfo=UTC), is_long=True)
    later = OwnWork("a2", EVIL, EVIL, EVIL)
    view = view_of(OwnProgress((work_, later), (), None, False), first_name=EVIL, facts={"Name": EVIL})
    title, body = whole_page(view, EVIL)
    assert title == f"Hello {EVIL}"
    assert "<script" not in body
    assert body.count("&lt;script&gt;") > 5
    assert "<i>" not in body


def test_the_next_step_is_not_what_has_been_hard_for_long() -> None:
    hard = OwnWork("a1", "Hard", None, None, "in_progress", datetime(2025, 3, 1, tzinfo=UTC), is_long=True)
    begun = OwnWork("a2", "Begun", None, None, "in_progress", datetime(2025, 3, 27, tzinfo=UTC))
    new = OwnWork("a3", "New", None, None)

    def first(*items: OwnWork) -> str:
        body = whole_page(view_of(OwnProgress(items, (), None, False)))[1]
        return body.partition('first">')[2].partition("</b>")[0].replace("<b>", "")

    assert first(hard, begun, new) == "Go on with Begun"
    assert first(hard, new) == "Begin with New"
    assert first(hard) == "Go on with Hard"
    done = replace(new, state="completed", completed_at=datetime(2025, 3, 2, tzinfo=UTC))
    assert first(done).startswith("You have completed the whole course.")


def test_a_page_without_anything_is_kind() -> None:
    for view, words in (
        (view_of(None, absence="left"), "You are not in this class any more"),
        (view_of(None, absence="not_begun"), "Your class has not begun yet."),
        (view_of(OwnProgress((), (), None, False)), "There are no assignments in this course yet."),
    ):
        _, body = whole_page(view)
        assert words in body
        assert "0 of" not in body
    new = OwnProgress((OwnWork("a1", "One", None, None),), (), None, False)
    _, body = whole_page(view_of(new))
    assert "Does something keep you from beginning?" in body
    assert "<progress" not in body
    assert "<form" not in whole_page(view_of(new, is_open=False))[1].partition("What is kept")[0]
