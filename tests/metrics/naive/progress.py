"""Reports on the progress of the class as a whole."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from .assignments import is_stuck
from .school import WEEK, Row, School, enrolled_on, mean, midnight, records_of
from .students import assignment_of_student


def progress_summary(school: School, students: list[str]) -> Row:
    completed = in_progress = not_started = active = 0
    shares, averages = [], []
    for s in students:
        mine = [school.record[s, a] for a in school.assignments if (s, a) in school.record]
        finished = [record for record in mine if record["completed"]]
        grades = [record["grade"] for record in finished if record["grade"] is not None]
        if grades:
            averages.append(sum(grades) / len(grades))
        if school.assignments:
            shares.append(len(finished) / len(school.assignments))
        if school.assignments and len(finished) == len(school.assignments):
            completed += 1
        elif mine:
            in_progress += 1
        else:
            not_started += 1
        if any(school.as_of - m < timedelta(days=7) for m in school.moments(s)):
            active += 1
    return {
        "total_students": len(students),
        "avg_completion": mean(shares),
        "avg_grade": mean(averages),
        "completed_count": completed,
        "in_progress_count": in_progress,
        "not_started_count": not_started,
        "active_this_week_count": active,
        "early_records": sum(
            bool(school.first) and min(m for m in (r["started"], r["completed"]) if m) < school.first
            for _, _, r in records_of(school, students)
        ),
    }


def completion(school: School, students: list[str]) -> Row:
    counts = [sum(1 for s in students if school.done(s, a)) for a in school.assignments]
    return {
        "total_assignments": len(counts),
        "assignments_with_0_completions": counts.count(0),
        "avg_students_per_assignment": mean(counts),
        "total_students": len(students),
    }


def progress_over_time(school: School, students: list[str]) -> list[Row]:
    records = [
        (s, record) for (s, a), record in school.record.items() if s in students and a in school.assignments
    ]
    moments = [
        m
        for _, record in records
        for m in (record["started"], record["completed"])
        if m and school.first and m >= school.first
    ]
    if not moments:
        return []
    result = []
    week = school.monday(min(moments))
    while week <= school.monday(school.as_of):

        def by_the_end(moment: datetime | None, week: date = week) -> bool:
            return moment is not None and school.monday(moment) <= week

        def within(moment: datetime | None, week: date = week) -> bool:
            return moment is not None and school.monday(moment) == week

        result.append(
            {
                "week": week.isoformat(),
                "completed": sum(by_the_end(r["completed"]) for _, r in records),
                "in_progress": sum(
                    by_the_end(r["started"]) and not by_the_end(r["completed"]) for _, r in records
                ),
                "completed_in_week": sum(within(r["completed"]) for _, r in records),
                "active_students": len(
                    {s for s, r in records if within(r["started"]) or within(r["completed"])}
                ),
            }
        )
        week += timedelta(days=7)
    return result


def velocity(school: School, students: list[str]) -> list[Row]:
    records = records_of(school, students)
    moments = [
        m
        for _, _, r in records
        for m in (r["started"], r["completed"])
        if m and school.first and m >= school.first
    ]
    result: list[Row] = []
    if not moments:
        return result
    week = school.monday(min(moments))
    while week <= school.monday(school.as_of):
        completed = sum(bool(r["completed"]) and school.monday(r["completed"]) == week for _, _, r in records)
        active = {
            s for s, _, r in records for m in (r["started"], r["completed"]) if m and school.monday(m) == week
        }
        enrolled = [s for s in students if enrolled_on(school, s) <= week + timedelta(days=6)]
        result.append(
            {
                "week": week.isoformat(),
                "completed_in_week": completed,
                "active_students": len(active),
                "enrolled_students": len(enrolled),
                "per_active": completed / len(active) if active else None,
                "per_enrolled": completed / len(enrolled) if enrolled else None,
                "is_full": midnight(school, week + WEEK) - timedelta(microseconds=1) <= school.as_of,
            }
        )
        week += WEEK
    return result


def cohort_alarm(weeks: list[Row]) -> Row:
    full = [row for row in weeks if row["is_full"]]
    alarm: Row = {"alarm": False, "week": None, "velocity": None, "usual_velocity": None, "share": None}
    if full:
        alarm |= {"week": full[-1]["week"], "velocity": full[-1]["per_enrolled"]}
        before = [row["per_enrolled"] for row in full[:-1]][-4:]
        if len(before) == 4 and None not in before:
            alarm["usual_velocity"] = sum(before) / 4
            if alarm["usual_velocity"] > 0 and alarm["velocity"] is not None:
                alarm["share"] = alarm["velocity"] / alarm["usual_velocity"]
                alarm["alarm"] = alarm["share"] < 0.5
    return alarm


def by_course_week(school: School, students: list[str]) -> list[Row]:
    records = records_of(school, students)
    result: list[Row] = []
    if school.starts_on is None:
        return result
    begins = school.starts_on
    while begins <= school.today:
        start, end = midnight(school, begins), midnight(school, begins + timedelta(days=7))
        done = [r for _, _, r in records if r["completed"] and r["completed"] < end]
        active = {s for s, _, r in records for m in (r["started"], r["completed"]) if m and start <= m < end}
        result.append(
            {
                "course_week": len(result) + 1,
                "starts_on": begins.isoformat(),
                "completed": len(done),
                "avg_completion": len(done) / (len(students) * len(school.assignments))
                if students and school.assignments
                else None,
                "active_students": len(active),
                "active_share": len(active) / len(students) if students else None,
                "is_full": end - timedelta(microseconds=1) <= school.as_of,
            }
        )
        begins += timedelta(days=7)
    return result


def matrix(school: School, everyone: list[str], ranked: list[str]) -> list[Row]:
    stuck = is_stuck(school, everyone)
    result = []
    for s in ranked:
        for a in school.assignments:
            standing = assignment_of_student(school, everyone, stuck, s, a)
            shown = ("assignment_id", "position", "grade", "started_at", "completed_at")
            result.append(
                {
                    "student_id": s,
                    "name": school.name(s),
                    "assignment": standing["name"],
                    "state": standing["status"],
                    **{field: standing[field] for field in shown},
                }
            )
    return result
