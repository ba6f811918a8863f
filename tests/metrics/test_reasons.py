"""The sentences that explain a student's risk, on classes whose points are counted by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd

from cohort_core.metrics.cohort import build
from cohort_core.reports import catalog

from .school import Row, data_of, work

START = date(2025, 1, 1)


def on(day: int) -> str:
    return f"{START + timedelta(days=day)} 10:00"


def reasons(rows: list[Row], day: int, roster: list[Row] | None = None, **more: Any) -> dict[str, list[str]]:
    as_of = pd.Timestamp(on(day), tz="UTC")
    health = catalog.student_health(
        build(data_of(rows, roster=roster, starts_on="2025-01-01"), as_of, **more)
    )
    return {row["student_id"]: row["reasons"] for row in health.records()}


def steady(count: int, assignments: int, grade: float | None = 0.84) -> list[Row]:
    """Students p0, p1, … who complete a new assignment every two days, beginning on the second."""
    return [
        work(f"p{n}", f"a{a}", None, on(2 * a), grade)
        for n in range(count)
        for a in range(1, assignments + 1)
    ]


def test_what_is_missing_is_counted_and_named_in_course_order() -> None:
    rows = [*steady(4, 4), work("zoe", "a2", None, on(4), 0.84)]
    # Weights: a1 .8² (.25 + .75·2/9) + a2 1² (.25 + .75·4/9) + a3 .8² (.25 + .75·6/9) + a4 .8² (…8/9), at day
    # 9: .2667 + .5833 + .48 + .5867 = 1.9167. Three of them, without a2, of that and .25, in 85 points: 52.3.
    zoe, *others = reasons(rows, 9).values()
    assert zoe[0] == ("3 assignments behind the class: start with A1 and 2 more graded pieces.")
    # All have .84, so everyone loses .8 · .16 of each weight: of the heaviest, a2, 2.9 points. But no average
    # is below that of the class, so no grade is a reason.
    assert others == [[], [], [], []]


def test_a_grade_is_a_reason_only_below_the_class_and_if_another_try_wins_a_point() -> None:
    def zoe(grades: list[float]) -> bool:
        rows = steady(9, len(grades), 0.8)
        rows += [work("zoe", f"a{n}", None, on(2 * n), grade) for n, grade in enumerate(grades, 1)]
        return any("Average grade" in sentence for sentence in reasons(rows, 2 * len(grades) + 1)["zoe"])

    # The class, with Zoe, has .1 of the way more than she: .779 · .9 … the gap is nine tenths of hers.
    assert zoe([0.7, 0.7])
    assert zoe([0.77, 0.77])
    assert not zoe([0.78, 0.78])
    # Of 28 assignments none is worth more than some 4 points, of which a full grade wins a part.
    assert zoe([0.5] * 28)
    assert not zoe([0.75] * 28)


def test_nobody_is_given_a_reason_of_less_than_two_points() -> None:
    rows = steady(5, 3, grade=1.0)
    assert reasons(rows, 7) == {f"p{n}": [] for n in range(5)}


def test_the_only_assignment_or_a_single_missing_assignment() -> None:
    rows = [work(f"p{n}", "a1", None, on(2), 1.0) for n in range(3)]
    rows += [work("zoe", "a2", None, on(3), 1.0)]
    assert reasons(rows, 5)["zoe"][0] == "1 assignment behind the class: A1."
    rows += [work(f"p{n}", "a2", None, on(3), 1.0) for n in range(3)]
    assert reasons(rows, 5)["zoe"][0] == "1 assignment behind the class: A1."


def test_work_that_only_some_have_finished_is_not_called_most() -> None:
    rows = [work("p0", "a1", None, on(4), 0.9), work("p1", "a2", None, on(4), 0.9)]
    roster = [{"student_id": name, "first_name": name} for name in ("q", "r", "s")]
    assert reasons(rows, 5, roster)["q"][0] == (
        "2 assignments missing that part of the class has completed: start with A1 and 1 more graded piece."
    )


def busy(kind: str = "lesson") -> list[Row]:
    """Four students who complete three graded assignments and four without grades; Zoe completes nothing."""
    rows = [work(f"p{n}", a, None, on(2), 0.84, kind="quiz") for n in range(4) for a in ("a2", "a4", "a6")]
    rows += [
        work(f"p{n}", a, None, on(2), 1.0, kind=kind) for n in range(4) for a in ("a1", "a3", "a5", "a7")
    ]
    return rows


def test_graded_work_is_named_before_lessons_and_lessons_count_together() -> None:
    roster = [{"student_id": "zoe", "first_name": "Zoe"}]
    # All weigh .8² (.25 + .75·2/4) = .4; the three graded 1.2, so the four lessons weigh .6 in place of 1.6.
    # Of the evidence, 2.8, Zoe loses 85 · 2.8/3.05 = 78 points.
    assert reasons(busy(), 4, roster)["zoe"][0] == (
        "7 assignments behind the class: start with A2 and 2 more graded pieces; 4 lessons, which count "
        "together."
    )
    # With one lesson there is nothing to share.
    some = [row for row in busy() if row["assignment_id"] in {"a2", "a3"}]
    assert reasons(some, 4, roster)["zoe"][0] == "2 assignments behind the class: start with A2; 1 lesson."


def test_lessons_alone_are_named() -> None:
    rows = [*busy(), *(work("zoe", a, None, on(2), 0.84, kind="quiz") for a in ("a2", "a4", "a6"))]
    zoe = reasons(rows, 4)["zoe"][0]
    assert zoe == "4 lessons behind the class, which count together: start with A1 and A3."
    rows += [work("zoe", a, None, on(2), 1.0) for a in ("a1", "a3", "a5")]
    assert any(sentence == "1 assignment behind the class: A7." for sentence in reasons(rows, 4)["zoe"])


def test_a_quiz_in_which_all_get_full_grades_is_ungraded_but_no_lesson() -> None:
    roster = [{"student_id": "zoe", "first_name": "Zoe"}]
    zoe = reasons(busy("quiz"), 4, roster)["zoe"][0]
    assert "A2 and 2 more graded pieces; 4 ungraded pieces, which count together." in zoe


def test_marks_name_the_work_that_costs_most() -> None:
    rows = [*steady(4, 2), work("zoe", "a1", None, on(2), 0.75), work("zoe", "a2", None, on(4), 0.41)]
    # Zoe's mean is 58 %; the class, with her, has 82.2 % and 75.4 %, so 78.8 %. At day 6 a1 weighs
    # .25 + .75·2/6 = .5 and a2 .25 + .75·4/6 = .75; of 1.5 with the .25 in 85 points a2 has 42.5, of which
    # she loses .8·.59.
    assert reasons(rows, 6)["zoe"] == [
        "Average grade 58 % where the class has 79 % for the same work, weakest in A2 (41 %)."
    ]


def test_work_without_a_grade_counts_with_that_of_the_class() -> None:
    rows = [*steady(3, 1, grade=0.5), work("zoe", "a1", None, on(2))]
    assert reasons(rows, 3)["zoe"] == [
        "No grades yet, so work counts with the average of the class, 50 %; grades of their own end this."
    ]


def test_a_sentence_says_that_it_leaves_placeholders_out() -> None:
    # All have a grade of .02 in a2, which looks like ungraded work; Zoe has nothing else there.
    rows = [*steady(3, 1, grade=0.5), work("zoe", "a1", None, on(2), 0.3)]
    rows += [work(name, "a2", None, on(2), 0.02) for name in ("p0", "p1", "zoe")]
    said = reasons(rows, 3)["zoe"]
    assert said[0].startswith("Average grade 30 %, without placeholders near 0, where the class has 45 % ")
    rows = [*steady(3, 1, grade=0.5), work("zoe", "a1", None, on(2), 0.02)]
    assert reasons(rows, 3)["zoe"] == [
        "No grades yet but placeholders near 0, so work counts with the average of the class, 50 %; grades "
        "of their own end this."
    ]


def test_late_work_is_counted_with_its_days() -> None:
    rows = [*steady(4, 3, grade=1.0)]
    rows += [work("zoe", "a1", None, on(2), 1.0)]
    rows += [work("zoe", "a2", None, on(9), 1.0), work("zoe", "a3", None, on(13), 1.0)]
    # Five and seven days after the others, whose days lie within two: fully late both times.
    assert reasons(rows, 14)["zoe"] == [
        "2 of 3 completed assignments were handed in later than by most, typically by 6 days, and A3 by 7 "
        "days; finishing new work on time lowers this."
    ]
    only = [*steady(4, 1, grade=1.0), work("zoe", "a1", None, on(3), 1.0)]
    assert reasons(only, 4)["zoe"] == [
        "The only completed assignment was handed in 1 day later than by most (A1); finishing new work on "
        "time lowers this."
    ]


def test_silence_is_compared_with_the_class() -> None:
    rows = [work("zoe", f"a{n}", None, on(4), 1.0) for n in range(6)]
    rows += [work(f"p{k}", f"a{n}", None, on(4 + 3 * n), 1.0) for k in range(4) for n in range(6)]
    # Zoe is done with all of it since day 4, the others since day 19; at day 22 she is silent for 18 days.
    assert reasons(rows, 22)["zoe"] == [
        "Nothing completed for 18 days, while half of the class completed something within the last 3 days; "
        "finishing anything ends this."
    ]
    never = reasons(rows, 22, [{"student_id": "new", "first_name": "New"}])["new"]
    assert never[-1] == (
        "Nothing completed in the 22 days since the class began, while half of the class completed something "
        "within the last 3 days; finishing anything ends this."
    )


def test_the_largest_part_comes_first_and_three_are_enough() -> None:
    rows = [*steady(9, 8, grade=0.98)]
    rows += [work("zoe", "a1", None, on(12), 0.1), work("zoe", "a2", None, on(12), 0.2)]
    rows += [work(f"p{n}", "a9", None, on(39), 0.98) for n in range(9)]
    zoe = reasons(rows, 40)["zoe"]
    # Silent for 28 days where the class was here yesterday: 15 · (28/7 − 1)/3 = 15 points, more than the lost
    # marks; the 3 points for being late are the fourth part.
    assert [text.split()[0] for text in zoe] == ["7", "Nothing", "Average"]


def test_reasons_do_not_depend_on_the_group_that_is_shown() -> None:
    rows = [*steady(4, 4), work("zoe", "a2", None, on(4), 0.84)]
    roster = [{"student_id": "zoe", "first_name": "Zoe", "night": "Tue"}]
    assert reasons(rows, 9, roster, group="Tue")["zoe"] == reasons(rows, 9, roster)["zoe"]
