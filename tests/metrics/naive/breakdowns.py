"""Breakdowns by grade, type, section, group, weekday and hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

from .school import WEEK, Row, School, completions_of, mean, records_of

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def grade_distribution(completions: list[Any]) -> list[Row]:
    grades = [r["grade"] for r in completions if r["grade"] is not None]
    result = []
    edges = [0, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    for lower, upper in pairwise(edges):
        count = sum(lower <= g < upper or (g == upper == 1) for g in grades)
        share = count / len(grades) if grades else None
        result.append({"lower": float(lower), "upper": float(upper), "count": count, "share": share})
    return result


def breakdown(school: School, students: list[str], column: str, of: Callable[[str], str | None]) -> list[Row]:
    values = list(dict.fromkeys(of(a) for a in school.assignments))
    result = []
    for value in [v for v in values if v is not None] + [None] * (None in values):
        inside = [a for a in school.assignments if of(a) == value]
        records = [r for _, a, r in records_of(school, students) if a in inside]
        completed = [r for r in records if r["completed"]]
        grades = [r["grade"] for r in completed if r["grade"] is not None]
        whole = sum(all(school.done(s, a) for a in inside) for s in students)
        result.append(
            {
                column: value,
                "assignments": len(inside),
                "completed": len(completed),
                "in_progress": len(records) - len(completed),
                "completion_rate": len(completed) / (len(students) * len(inside)) if students else None,
                "students_completed": whole,
                "students_completed_share": whole / len(students) if students else None,
                "graded": len(grades),
                "avg_grade": mean(grades),
            }
        )
    return result


def by_group(school: School, roster: list[Row], students: list[str], health: dict[str, Row]) -> list[Row]:
    result = []
    for kind in ("night", "region"):
        spellings = sorted(entry[kind].strip() for entry in roster if entry.get(kind))
        if not spellings:
            continue
        for label in [*sorted({spelling.casefold() for spelling in spellings}), None]:
            inside = [
                s
                for s in students
                if ((school.students[s].get(kind) or "").strip().casefold() or None) == label
            ]
            if not inside:
                continue
            done = [r for _, _, r in completions_of(school, inside)]
            grades = [r["grade"] for r in done if r["grade"] is not None]
            total = len(school.assignments)
            finished = [s for s in inside if total and health[s]["completed"] == total]
            idle = [s for s in inside if health[s]["completed"] + health[s]["in_progress"] == 0]
            active = [s for s in inside if any(school.as_of - m < WEEK for m in school.moments(s))]
            result.append(
                {
                    "kind": kind,
                    "label": next((spelling for spelling in spellings if spelling.casefold() == label), None),
                    "students": len(inside),
                    "avg_completion": mean([health[s]["completed"] / total for s in inside])
                    if total
                    else None,
                    "completed_count": len(finished),
                    "in_progress_count": len(inside) - len(finished) - len(idle),
                    "not_started_count": len(idle),
                    "active_this_week_count": len(active),
                    "completed": len(done),
                    "in_progress": sum(health[s]["in_progress"] for s in inside),
                    "graded": len(grades),
                    "avg_grade": mean(grades),
                }
            )
    return result


def slot(school: School, students: list[str], inside: Callable[..., bool]) -> Row:
    def local(moment: datetime | None) -> bool:
        return moment is not None and inside(moment.astimezone(school.tz))

    records = records_of(school, students)
    completed = [r for _, _, r in records if local(r["completed"])]
    everything = len(completions_of(school, students))
    grades = [r["grade"] for r in completed if r["grade"] is not None]
    return {
        "started": sum(local(r["started"]) for _, _, r in records),
        "completed": len(completed),
        "completed_share": len(completed) / everything if everything else None,
        "active_students": len({s for s, _, r in records if local(r["started"]) or local(r["completed"])}),
        "graded": len(grades),
        "avg_grade": mean(grades),
    }
