"""Reports on students: health, activity, pace, forecast, and one student in detail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from math import ceil
from statistics import median
from typing import Any

from .assignments import is_stuck
from .risk import risk
from .school import (
    DAY,
    UTC,
    WEEK,
    Row,
    School,
    days_in_work,
    enrolled_on,
    grade_and_times,
    iso,
    labels_of,
    mean,
    midnight,
    records_of,
)


def student_health(school: School, everyone: list[str], students: list[str]) -> list[Row]:
    stuck = is_stuck(school, everyone)
    risks = risk(school, everyone)
    total = len(school.assignments)
    result = []
    for s in students:
        mine = {a: school.record[s, a] for a in school.assignments if (s, a) in school.record}
        finished = [record for record in mine.values() if record["completed"]]
        last = max(school.moments(s), default=None)
        silent = (school.as_of - last) // DAY if last else None
        joined = school.students[s].get("enrolled_on")
        since = date.fromisoformat(joined) if joined else school.starts_on
        assert since is not None
        if (school.today - since).days < 7:
            stage = "new"
        elif silent is None:
            stage = "never_started"
        else:
            stage = next(
                (n for n, below in (("active", 7), ("cooling", 14), ("quiet", 30)) if silent < below), "gone"
            )
        result.append(
            {
                "student_id": s,
                "name": school.name(s),
                "completed": len(finished),
                "total": total,
                "pct": len(finished) / total if total else None,
                **risks[s],
                "avg_grade": mean([r["grade"] for r in finished if r["grade"] is not None]),
                "in_progress": len(mine) - len(finished),
                "stuck": sum(stuck(s, a) for a in school.assignments),
                "last_activity_at": iso(last) if last else None,
                "days_silent": silent,
                "stage": stage,
                "night": school.students[s].get("night"),
                "region": school.students[s].get("region"),
            }
        )
    return sorted(
        result, key=lambda r: (-r["risk_score"], r["pct"] or 0, r["name"].casefold(), r["student_id"])
    )


def activity(health: list[Row]) -> list[Row]:
    fields = ("student_id", "name", "stage", "days_silent", "last_activity_at")
    rows = [{field: row[field] for field in fields} for row in health]
    return sorted(rows, key=_longest_silent)


def engagement_gap(health: list[Row]) -> list[Row]:
    fields = (
        *("student_id", "name", "stage", "days_silent", "last_activity_at"),
        *("risk", "risk_score", "risk_gap", "completed", "total", "pct"),
    )
    rows = [
        {field: row[field] for field in fields}
        for row in health
        if row["risk"] in ("low", "medium") and row["stage"] in ("cooling", "quiet")
    ]
    return sorted(rows, key=_longest_silent)


def praise(school: School, students: list[str]) -> list[Row]:
    rows = []
    for s in students:
        moments = sorted(school.moments(s))
        recent = [m for m in moments if school.as_of - m < WEEK]
        before = [m for m in moments if school.as_of - m >= WEEK]
        done = [
            (r["completed"], a)
            for a in school.assignments
            if (r := school.done(s, a)) and school.as_of - r["completed"] < WEEK
        ]
        if recent and before and recent[0] - before[-1] >= 2 * WEEK and len(done) >= 3:
            last = max(done)[1]
            rows.append(
                {
                    "student_id": s,
                    "name": school.name(s),
                    "completed": len(done),
                    "silent_days": (recent[0] - before[-1]) // DAY,
                    "back_at": iso(recent[0]),
                    "assignment_id": last,
                    "assignment": school.kind[last][0],
                }
            )
    return sorted(
        rows, key=lambda r: (-r["completed"], -r["silent_days"], r["name"].casefold(), r["student_id"])
    )


def _longest_silent(row: Row) -> Any:
    silent = row["days_silent"]
    return (silent is not None, -(silent or 0), row["name"].casefold(), row["student_id"])


def pace(school: School, everyone: list[str], students: list[str]) -> list[Row]:
    def completed(s: str, a: str) -> datetime:
        record = school.done(s, a)
        moment: datetime = record["completed"] if record else datetime.max.replace(tzinfo=UTC)
        return moment

    usual = [
        a
        for a in school.assignments
        if any(school.done(s, a) for s in everyone)
        and 2 * sum(bool(school.done(s, a)) for s in everyone) >= len(everyone)
    ][-5:]
    result = []
    for s in students:
        ranks = []
        for a in usual:
            earlier = sum(completed(t, a) < completed(s, a) for t in everyone)
            same = sum(completed(t, a) == completed(s, a) for t in everyone)
            ranks.append((earlier + same / 2) / len(everyone))
        result.append(
            {
                "student_id": s,
                "name": school.name(s),
                "pace_percentile": median(ranks) if ranks else None,
                "compared": len(usual),
            }
        )
    return sorted(
        result,
        key=lambda r: (-round(r["pace_percentile"] or 0, 9), r["name"].casefold(), r["student_id"]),
    )


def forecast(school: School, students: list[str]) -> list[Row]:
    result: list[Row] = []
    total = len(school.assignments)
    for s in students:
        records = records_of(school, [s])
        finished = [r["completed"] for _, _, r in records if r["completed"]]
        moments = [
            m
            for _, _, r in records
            for m in (r["started"], r["completed"])
            if m and school.first and m >= school.first
        ]
        weeks = sorted({school.monday(m) for m in moments})
        over = [w for w in weeks if midnight(school, w + WEEK) - timedelta(microseconds=1) <= school.as_of]
        used = (over or weeks)[-4:]
        then = sum(school.monday(m) in used for m in finished)
        left = total - len(finished)
        outcome, on, order = "not_at_this_pace", None, 0.0
        if total and not left:
            on = max(finished).astimezone(school.tz).date()
            outcome, order = "finished", 2.0
        elif then and not _is_quiet(school, s):
            needed = ceil(7 * left * len(used) / then - 1e-9)
            if needed <= 5 * 365:
                outcome, on, order = "date", school.today + timedelta(days=needed), 1.0
        result.append(
            {
                "student_id": s,
                "name": school.name(s),
                "outcome": outcome,
                "finishes_on": on.isoformat() if on else None,
                "completed": len(finished),
                "total": total,
                "active_weeks": len(used),
                "per_week": then / len(used) if used else None,
                "order": (order, -on.toordinal() if outcome == "date" and on else 0),
            }
        )
    result.sort(key=lambda r: (r["order"], r["name"].casefold(), r["student_id"]))
    return [{k: v for k, v in row.items() if k != "order"} for row in result]


def _is_quiet(school: School, s: str) -> bool:
    last = max(school.moments(s), default=school.as_of)
    return (school.today - enrolled_on(school, s)).days >= 7 and school.as_of - last >= 14 * DAY


def timeline(school: School, s: str) -> list[Row]:
    events: list[tuple[Any, Row]] = []
    for _, a, record in records_of(school, [s]):
        for rank, event in enumerate(("started", "completed", "reviewed")):
            if record[event]:
                shown = labels_of(school, a)
                events.append(
                    (
                        (record[event], school.course.index(a), rank),
                        {
                            "at": iso(record[event]),
                            "event": event,
                            "assignment_id": a,
                            "assignment": shown["name"],
                            "type": shown["type"],
                            "section": shown["section"],
                            "grade": record["shown_grade"] if event == "completed" else None,
                        },
                    )
                )
    return [row for _, row in sorted(events, key=lambda event: event[0], reverse=True)]


def assignment_of_student(
    school: School, everyone: list[str], stuck: Callable[[str, str], bool], s: str, a: str
) -> Row:
    record = school.record.get((s, a))
    theirs = [school.record[t, a] for t in everyone if school.done(t, a)]
    status = "not_started"
    if record:
        status = "completed" if record["completed"] else "stuck" if stuck(s, a) else "in_progress"
    return {
        "assignment_id": a,
        **labels_of(school, a),
        "position": school.course.index(a),
        "status": status,
        **grade_and_times(record, ("started", "completed", "reviewed")),
        "days": days_in_work(school, s, a) if record else None,
        "class_avg_grade": mean([r["grade"] for r in theirs if r["grade"] is not None]),
        "class_completion_rate_all": len(theirs) / len(everyone),
    }
