"""Reports on assignments: durations, stuck work and rankings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from statistics import median

from .school import (
    DAY,
    Row,
    School,
    clip,
    completes_elsewhere,
    days_between,
    days_in_work,
    grade_and_times,
    iso,
    labels_of,
    mean,
)


def durations(school: School, students: list[str], a: str) -> Row:
    timed: list[float] = []
    ages: list[float] = []
    completed = 0
    for s in students:
        record = school.record.get((s, a))
        if record and record["completed"]:
            completed += 1
            if record["started"] and record["completed"] - record["started"] >= timedelta(seconds=60):
                timed.append((record["completed"] - record["started"]) / DAY)
        elif record:
            ages.append((school.as_of - record["started"]) / DAY)

    def reached(share: Fraction) -> float | None:
        unfinished = Fraction(1)
        for duration in sorted(set(timed)):
            at_risk = sum(1 for d in timed + ages if d >= duration)
            unfinished *= 1 - Fraction(timed.count(duration), at_risk)
            if unfinished <= share:
                return duration
        return None

    return {
        "timed_count": len(timed),
        "untimed_share": (completed - len(timed)) / completed if completed else None,
        "median_days": reached(Fraction(1, 2)),
        "p80_days": reached(Fraction(1, 5)),
        "longest": max(timed, default=0.0),
    }


def is_stuck(school: School, everyone: list[str]) -> Callable[[str, str], bool]:
    limit = {}
    for a in school.course:
        times = durations(school, everyone, a)
        usual = times["p80_days"] if times["p80_days"] is not None else times["longest"]
        limit[a] = max(7.0, usual)

    def stuck(s: str, a: str) -> bool:
        record = school.open(s, a)
        return record is not None and (school.as_of - record["started"]) / DAY > limit[a]

    return stuck


def blockers(school: School, everyone: list[str], students: list[str]) -> list[Row]:
    stuck = is_stuck(school, everyone)
    result = []
    for position, a in enumerate(school.course):
        later = school.course[position + 1 :]
        reached = completed = in_progress = stuck_count = 0
        grades = []
        for s in students:
            if school.done(s, a):
                completed += 1
                if school.record[s, a]["grade"] is not None:
                    grades.append(school.record[s, a]["grade"])
            in_progress += bool(school.open(s, a))
            stuck_count += stuck(s, a)
            reached += bool((s, a) in school.record or any(school.done(s, b) for b in later))
        times = durations(school, students, a)
        name, kind = school.kind[a]
        result.append(
            {
                "assignment_id": a,
                "name": name,
                "type": kind,
                "section": school.section.get(a),
                "position": position,
                "completion_rate": completed / reached if reached else None,
                "avg_grade": mean(grades),
                "completion_rate_all": completed / len(students) if students else None,
                "students_reached": reached,
                "completed": completed,
                "in_progress": in_progress,
                "stuck": stuck_count,
                **{k: times[k] for k in ("median_days", "p80_days", "timed_count", "untimed_share")},
                "grade_scale": school.scale.get(a, "share").split(",")[0],
                "grades_left_out": sum(s in students for s in school.left_out.get(a, [])),
                "left_out_students": sorted(
                    {school.name(s) for s in school.left_out.get(a, []) if s in students},
                    key=lambda name: (name.casefold(), name),
                ),
            }
        )
    medians = [row["median_days"] for row in result if row["median_days"] is not None]
    for row in result:
        rate, grade, days = row["completion_rate"], row["avg_grade"], row["median_days"]
        slow = None if days is None else 20 * clip((days / median(medians) - 1) / 3, 0, 1)
        row["incomplete_points"] = None if rate is None else 50 * (1 - rate)
        row["marks_points"] = None if grade is None else 30 * (1 - grade)
        row["slow_points"] = slow
        points = [row["incomplete_points"], row["marks_points"], slow]
        total = round(sum(p for p in points if p is not None), 9)
        row["difficulty"] = total if row["students_reached"] else None
    result = [row for row in result if row["assignment_id"] in school.assignments]
    ranked = [row for row in result if row["students_reached"] >= 5]
    few = [row for row in result if 0 < row["students_reached"] < 5]
    rest = [row for row in result if row["students_reached"] == 0]
    for rows in (ranked, few):
        rows.sort(key=lambda row: (-row["difficulty"], row["position"]))
    for rank, row in enumerate(ranked, 1):
        row["rank"] = rank
    for row in few + rest:
        row["rank"] = None
    return ranked + few + rest


def time_to_complete(school: School, students: list[str]) -> list[Row]:
    result = []
    for position, a in enumerate(school.course):
        if a in school.assignments:
            times = durations(school, students, a)
            longest = times.pop("longest")
            result.append(
                {
                    "assignment_id": a,
                    **labels_of(school, a),
                    "position": position,
                    **times,
                    "longest_days": longest if times["timed_count"] else None,
                }
            )
    return result


def stuck_work(school: School, everyone: list[str], students: list[str]) -> list[Row]:
    stuck = is_stuck(school, everyone)
    result = []
    for s in students:
        for a in school.assignments:
            if stuck(s, a):
                times = durations(school, everyone, a)
                usual = times["p80_days"] if times["p80_days"] is not None else times["longest"]
                shown = labels_of(school, a)
                started = school.record[s, a]["started"]
                result.append(
                    {
                        "student_id": s,
                        "name": school.name(s),
                        "assignment_id": a,
                        "assignment": shown["name"],
                        "type": shown["type"],
                        "section": shown["section"],
                        "started_at": iso(started),
                        "days_open": days_between(started, school.as_of),
                        "limit_days": max(7.0, usual),
                        "is_parked": completes_elsewhere(school, s),
                    }
                )
    return sorted(
        result,
        key=lambda r: (-r["days_open"], r["student_id"], school.course.index(r["assignment_id"])),
    )


def reteach(school: School, everyone: list[str], students: list[str]) -> list[Row]:
    stuck = is_stuck(school, everyone)
    medians = {a: durations(school, students, a)["median_days"] for a in school.course}
    reached = [m for m in medians.values() if m is not None]
    result = []
    for a in school.assignments:
        started = [s for s in students if (s, a) in school.record]
        waiting = sorted(
            (s for s in students if stuck(s, a)), key=lambda s: (school.record[s, a]["started"], s)
        )
        if len(started) < 5 or not waiting:
            continue
        slowness = 1.0
        if reached:
            usual = medians[a]
            if usual is None:
                spans = [days_in_work(school, s, a) for s in started]
                usual = max(span for span in spans if span is not None)
            slowness = min(usual / median(reached), 4.0)
        share = len(waiting) / len(started)
        result.append(
            {
                "assignment_id": a,
                **labels_of(school, a),
                "position": school.course.index(a),
                "score": round(share * slowness, 9),
                "started": len(started),
                "stuck": len(waiting),
                "stuck_share": share,
                "slowness": slowness,
                "student_ids": waiting,
                "students": [school.name(s) for s in waiting],
            }
        )
    return sorted(result, key=lambda r: (-r["score"], r["position"]))


def assignment_students(
    school: School, stuck: Callable[[str, str], bool], students: list[str], a: str
) -> list[Row]:
    later = school.course[school.course.index(a) + 1 :]
    result = []
    for s in students:
        record = school.record.get((s, a))
        if record:
            state = "completed" if record["completed"] else "stuck" if stuck(s, a) else "in_progress"
        else:
            state = "skipped" if any(school.done(s, b) for b in later) else "not_reached"
        result.append(
            {
                "student_id": s,
                "name": school.name(s),
                "state": state,
                "is_parked": state == "stuck" and completes_elsewhere(school, s),
                **grade_and_times(record, ("started", "completed")),
                "days": days_in_work(school, s, a) if record else None,
                "night": school.students[s].get("night"),
                "region": school.students[s].get("region"),
            }
        )
    order = ["stuck", "in_progress", "skipped", "completed", "not_reached"]
    return sorted(result, key=lambda r: (order.index(r["state"]), r["name"].casefold(), r["student_id"]))


def assignment_durations(school: School, students: list[str], a: str) -> list[Row]:
    spans = [
        (days_in_work(school, s, a), bool(school.done(s, a)))
        for s in students
        if (s, a) in school.record and days_in_work(school, s, a) is not None
    ]
    result, unfinished = [], 1.0
    for days in sorted({span for span, done in spans if done and span is not None}):
        at_risk = sum(span is not None and span >= days for span, _ in spans)
        completed = sum(span == days and done for span, done in spans)
        unfinished *= 1 - completed / at_risk
        result.append(
            {"days": days, "at_risk": at_risk, "completed": completed, "finished_share": 1 - unfinished}
        )
    return result
