"""The answers beyond the plan's five once more, by plain loops: see naive.py for the rules of the game."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import ceil, floor
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from .naive import DAY, Row, School, durations, is_stuck, iso, mean, risk
from .naive import answers as five_answers

WEEK = timedelta(days=7)
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
UTC = ZoneInfo("UTC")


def answers(
    rows: list[Row],
    units: list[Row],
    roster: list[Row],
    timezone: str,
    as_of: datetime,
    group: str | None = None,
    starts_on: str | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    """By the name of the report; parameters as in naive.py."""
    school = School(rows, units, roster, ZoneInfo(timezone), as_of, starts_on, kind)
    everyone = list(school.students)
    chosen = [s for s in everyone if group is None or school.in_group(s, group)]
    health = five_answers(rows, units, roster, timezone, as_of, group, starts_on, kind)["student_health"]
    by_id = {row["student_id"]: row for row in health}
    weeks = _velocity(school, chosen)
    return {
        "time_to_complete": _time_to_complete(school, chosen),
        "stuck": _stuck(school, everyone, chosen),
        "reteach": _reteach(school, everyone, chosen),
        "activity": _activity(health),
        "engagement_gap": _engagement_gap(health),
        "velocity": weeks,
        "cohort_alarm": _cohort_alarm(weeks),
        "by_course_week": _by_course_week(school, chosen),
        "matrix": _matrix(school, everyone, [row["student_id"] for row in health]),
        "pace": _pace(school, everyone, chosen),
        "forecast": _forecast(school, chosen),
        "grade_distribution": _grades([r for _, _, r in _completions(school, chosen)]),
        "by_type": _split(school, chosen, "type", lambda a: school.kind.get(a, (a, None))[1]),
        "by_section": _split(school, chosen, "section", school.section.get),
        "by_group": _by_group(school, roster, chosen, by_id),
        "by_weekday": [
            {
                "weekday": day + 1,
                "name": WEEKDAYS[day],
                **_slot(school, chosen, lambda m, d=day: m.weekday() == d),
            }
            for day in range(7)
        ],
        "by_hour": [
            {"hour": hour, **_slot(school, chosen, lambda m, h=hour: m.hour == h)} for hour in range(24)
        ],
    }


def details(school: School, s: str, a: str | None, group: list[str]) -> dict[str, Any]:
    """The answers about one student, and about one assignment if there is any."""
    everyone = list(school.students)
    stuck = is_stuck(school, everyone)
    found: dict[str, Any] = {
        "student_timeline": _timeline(school, s),
        "student_assignments": [_standing(school, everyone, stuck, s, b) for b in school.assignments],
        "habits": [
            {
                "weekday": day + 1,
                "name": WEEKDAYS[day],
                "hour": hour,
                **_slot(school, [s], lambda m, d=day, h=hour: (m.weekday(), m.hour) == (d, h)),
            }
            for day in range(7)
            for hour in range(24)
        ],
    }
    if a is not None:
        found["assignment_students"] = _students_of(school, stuck, group, a)
        found["assignment_grades"] = _grades([school.done(one, a) for one in group if school.done(one, a)])
        found["assignment_durations"] = _curve(school, group, a)
    return found


def _name_and_kind(school: School, a: str) -> Row:
    name, kind = school.kind.get(a, (a, None))
    return {"name": name, "type": kind, "section": school.section.get(a)}


def _records(school: School, students: list[str]) -> list[tuple[str, str, Row]]:
    return [
        (s, a, school.record[s, a]) for s in students for a in school.assignments if (s, a) in school.record
    ]


def _completions(school: School, students: list[str]) -> list[tuple[str, str, Row]]:
    return [(s, a, r) for s, a, r in _records(school, students) if r["completed"]]


def _since(earlier: datetime, later: datetime) -> float:
    return (later.astimezone(UTC) - earlier.astimezone(UTC)) / DAY


def _time_to_complete(school: School, students: list[str]) -> list[Row]:
    result = []
    for position, a in enumerate(school.course):
        if a in school.assignments:
            times = durations(school, students, a)
            longest = times.pop("longest")
            result.append(
                {
                    "assignment_id": a,
                    **_name_and_kind(school, a),
                    "position": position,
                    **times,
                    "longest_days": longest if times["timed_count"] else None,
                }
            )
    return result


def _completes_elsewhere(school: School, s: str) -> bool:
    return any(
        school.as_of - school.done(s, a)["completed"] < WEEK for a in school.course if school.done(s, a)
    )


def _stuck(school: School, everyone: list[str], students: list[str]) -> list[Row]:
    stuck = is_stuck(school, everyone)
    result = []
    for s in students:
        for a in school.assignments:
            if stuck(s, a):
                times = durations(school, everyone, a)
                usual = times["p80_days"] if times["p80_days"] is not None else times["longest"]
                shown = _name_and_kind(school, a)
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
                        "days_open": _since(started, school.as_of),
                        "limit_days": max(7.0, usual),
                        "is_parked": _completes_elsewhere(school, s),
                    }
                )
    return sorted(
        result,
        key=lambda r: (-r["days_open"], r["student_id"], school.course.index(r["assignment_id"])),
    )


def _reteach(school: School, everyone: list[str], students: list[str]) -> list[Row]:
    stuck = is_stuck(school, everyone)
    medians = {a: durations(school, students, a)["median_days"] for a in school.course}
    known = [m for m in medians.values() if m is not None]
    result = []
    for a in school.assignments:
        started = [s for s in students if (s, a) in school.record]
        waiting = sorted(
            (s for s in students if stuck(s, a)), key=lambda s: (school.record[s, a]["started"], s)
        )
        if len(started) < 5 or not waiting:
            continue
        slowness = 1.0
        if known:
            usual = medians[a]
            if usual is None:
                usual = max(_span(school, s, a) for s in started if _span(school, s, a) is not None)
            slowness = min(usual / median(known), 4.0)
        share = len(waiting) / len(started)
        result.append(
            {
                "assignment_id": a,
                **_name_and_kind(school, a),
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


def _span(school: School, s: str, a: str) -> float | None:
    """Days in work, up to now if it still is; None if the start is not known."""
    record = school.record[s, a]
    if not record["completed"]:
        return _since(record["started"], school.as_of)
    if record["started"] and record["completed"] - record["started"] >= timedelta(seconds=60):
        return _since(record["started"], record["completed"])
    return None


def _activity(health: list[Row]) -> list[Row]:
    fields = ("student_id", "name", "stage", "days_silent", "last_activity_at")
    rows = [{field: row[field] for field in fields} for row in health]
    return sorted(rows, key=_longest_silent)


def _longest_silent(row: Row) -> Any:
    silent = row["days_silent"]
    return (silent is not None, -(silent or 0), row["name"].casefold(), row["student_id"])


def _engagement_gap(health: list[Row]) -> list[Row]:
    fields = ("student_id", "name", "stage", "days_silent", "last_activity_at", "risk", "risk_score")
    fields = (*fields, "risk_gap", "completed", "total", "pct")
    rows = [
        {field: row[field] for field in fields}
        for row in health
        if row["risk"] in ("low", "medium") and row["stage"] in ("cooling", "quiet")
    ]
    return sorted(rows, key=_longest_silent)


def _midnight(school: School, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=school.tz).astimezone(UTC)


def _enrolled_on(school: School, s: str) -> date:
    joined = school.students[s].get("enrolled_on")
    since = date.fromisoformat(joined) if joined else school.starts_on
    assert since is not None
    return since


def _velocity(school: School, students: list[str]) -> list[Row]:
    records = _records(school, students)
    moments = [m for _, _, r in records for m in (r["started"], r["completed"]) if m]
    result: list[Row] = []
    if not moments:
        return result
    week = school.monday(min(moments))
    while week <= school.monday(school.as_of):
        completed = sum(bool(r["completed"]) and school.monday(r["completed"]) == week for _, _, r in records)
        active = {
            s for s, _, r in records for m in (r["started"], r["completed"]) if m and school.monday(m) == week
        }
        enrolled = [s for s in students if _enrolled_on(school, s) <= week + timedelta(days=6)]
        result.append(
            {
                "week": week.isoformat(),
                "completed_in_week": completed,
                "active_students": len(active),
                "enrolled_students": len(enrolled),
                "per_active": completed / len(active) if active else None,
                "per_enrolled": completed / len(enrolled) if enrolled else None,
                "is_full": _midnight(school, week + WEEK) - timedelta(microseconds=1) <= school.as_of,
            }
        )
        week += WEEK
    return result


def _by_course_week(school: School, students: list[str]) -> list[Row]:
    records = _records(school, students)
    result: list[Row] = []
    if school.starts_on is None:
        return result
    begins = school.starts_on
    while begins <= school.today:
        start, end = _midnight(school, begins), _midnight(school, begins + timedelta(days=7))
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


def _matrix(school: School, everyone: list[str], ranked: list[str]) -> list[Row]:
    stuck = is_stuck(school, everyone)
    result = []
    for s in ranked:
        for a in school.assignments:
            standing = _standing(school, everyone, stuck, s, a)
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


def _cohort_alarm(weeks: list[Row]) -> Row:
    full = [row for row in weeks if row["is_full"]]
    answer: Row = {"alarm": False, "week": None, "velocity": None, "usual_velocity": None, "share": None}
    if full:
        answer |= {"week": full[-1]["week"], "velocity": full[-1]["per_enrolled"]}
        before = [row["per_enrolled"] for row in full[:-1]][-4:]
        if len(before) == 4 and None not in before:
            answer["usual_velocity"] = sum(before) / 4
            if answer["usual_velocity"] > 0 and answer["velocity"] is not None:
                answer["share"] = answer["velocity"] / answer["usual_velocity"]
                answer["alarm"] = answer["share"] < 0.5
    return answer


def _pace(school: School, everyone: list[str], students: list[str]) -> list[Row]:
    def completed(s: str, a: str) -> datetime:
        record = school.done(s, a)
        return record["completed"] if record else datetime.max.replace(tzinfo=UTC)

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


def _forecast(school: School, students: list[str]) -> list[Row]:
    result, total = [], len(school.assignments)
    for s in students:
        records = _records(school, [s])
        finished = [r["completed"] for _, _, r in records if r["completed"]]
        moments = [m for _, _, r in records for m in (r["started"], r["completed"]) if m]
        weeks = sorted({school.monday(m) for m in moments})
        over = [w for w in weeks if _midnight(school, w + WEEK) - timedelta(microseconds=1) <= school.as_of]
        used = (over or weeks)[-4:]
        then = sum(school.monday(m) in used for m in finished)
        left = total - len(finished)
        outcome, on, order = "not_at_this_pace", None, 0.0
        if total and not left:
            on = max(finished).astimezone(school.tz).date()
            outcome, order = "finished", 2.0
        elif then:
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


def _grades(completions: list[Any]) -> list[Row]:
    grades = [r["grade"] for r in completions if r["grade"] is not None]
    result = []
    edges = [0, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    for lower, upper in pairwise(edges):
        count = sum(lower <= g < upper or (g == upper == 1) for g in grades)
        share = count / len(grades) if grades else None
        result.append({"lower": float(lower), "upper": float(upper), "count": count, "share": share})
    return result


def _split(school: School, students: list[str], column: str, of: Callable[[str], str | None]) -> list[Row]:
    values = list(dict.fromkeys(of(a) for a in school.assignments))
    result = []
    for value in [v for v in values if v is not None] + [None] * (None in values):
        inside = [a for a in school.assignments if of(a) == value]
        records = [r for _, a, r in _records(school, students) if a in inside]
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


def _by_group(school: School, roster: list[Row], students: list[str], health: dict[str, Row]) -> list[Row]:
    result = []
    for kind in ("night", "region"):
        spellings = sorted(entry[kind].strip() for entry in roster if entry.get(kind))
        if not spellings:
            continue
        for label in [*sorted({one.casefold() for one in spellings}), None]:
            inside = [
                s
                for s in students
                if ((school.students[s].get(kind) or "").strip().casefold() or None) == label
            ]
            if not inside:
                continue
            done = [r for _, _, r in _completions(school, inside)]
            grades = [r["grade"] for r in done if r["grade"] is not None]
            total = len(school.assignments)
            finished = [s for s in inside if total and health[s]["completed"] == total]
            idle = [s for s in inside if health[s]["completed"] + health[s]["in_progress"] == 0]
            active = [s for s in inside if any(school.as_of - m < WEEK for m in school.moments(s))]
            result.append(
                {
                    "kind": kind,
                    "label": next((one for one in spellings if one.casefold() == label), None),
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


def _slot(school: School, students: list[str], inside: Callable[..., bool]) -> Row:
    def local(moment: datetime | None) -> bool:
        return moment is not None and inside(moment.astimezone(school.tz))

    records = _records(school, students)
    completed = [r for _, _, r in records if local(r["completed"])]
    everything = len(_completions(school, students))
    grades = [r["grade"] for r in completed if r["grade"] is not None]
    return {
        "started": sum(local(r["started"]) for _, _, r in records),
        "completed": len(completed),
        "completed_share": len(completed) / everything if everything else None,
        "active_students": len({s for s, _, r in records if local(r["started"]) or local(r["completed"])}),
        "graded": len(grades),
        "avg_grade": mean(grades),
    }


def _timeline(school: School, s: str) -> list[Row]:
    events = []
    for _, a, record in _records(school, [s]):
        for rank, event in enumerate(("started", "completed", "reviewed")):
            if record[event]:
                shown = _name_and_kind(school, a)
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
                            "grade": record["grade"] if event == "completed" else None,
                        },
                    )
                )
    return [row for _, row in sorted(events, key=lambda one: one[0], reverse=True)]


def _standing(school: School, everyone: list[str], stuck: Callable[[str, str], bool], s: str, a: str) -> Row:
    record = school.record.get((s, a))
    theirs = [school.done(t, a) for t in everyone if school.done(t, a)]
    status = "not_started"
    if record:
        status = "completed" if record["completed"] else "stuck" if stuck(s, a) else "in_progress"
    return {
        "assignment_id": a,
        **_name_and_kind(school, a),
        "position": school.course.index(a),
        "status": status,
        **_fields(record, ("started", "completed", "reviewed")),
        "days": _span(school, s, a) if record else None,
        "class_avg_grade": mean([r["grade"] for r in theirs if r["grade"] is not None]),
        "class_completion_rate_all": len(theirs) / len(everyone),
    }


def _fields(record: Row | None, moments: tuple[str, ...]) -> Row:
    shown: Row = {"grade": record["grade"] if record else None}
    for name in moments:
        moment = record[name] if record else None
        shown[f"{name}_at"] = iso(moment) if moment else None
    return shown


def _students_of(school: School, stuck: Callable[[str, str], bool], students: list[str], a: str) -> list[Row]:
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
                "is_parked": state == "stuck" and _completes_elsewhere(school, s),
                **_fields(record, ("started", "completed")),
                "days": _span(school, s, a) if record else None,
                "night": school.students[s].get("night"),
                "region": school.students[s].get("region"),
            }
        )
    order = ["stuck", "in_progress", "skipped", "completed", "not_reached"]
    return sorted(result, key=lambda r: (order.index(r["state"]), r["name"].casefold(), r["student_id"]))


def _curve(school: School, students: list[str], a: str) -> list[Row]:
    spans = [
        (_span(school, s, a), bool(school.done(s, a)))
        for s in students
        if (s, a) in school.record and _span(school, s, a) is not None
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


def needs(schools: list[tuple[School, Row]]) -> list[Row]:
    """Everybody who needs a mentor, by student or class, the longest first: the kind and the days of each.

    Each school comes with its further answers, as `answers` gives them.
    """
    found: list[Row] = []
    for number, (school, more) in enumerate(schools):
        everyone = list(school.students)
        risks = risk(school, everyone)
        class_id = f"class {number}"

        def add(kind: str, s: str, days: float, school: School = school, risks: Any = risks) -> None:
            found.append(
                {
                    "kind": kind,
                    "who": s,
                    "name": school.name(s),
                    "days": max(floor(days), 0),
                    "score": risks[s]["risk_score"],
                }
            )

        for s in everyone:
            done = [school.done(s, a)["completed"] for a in school.course if school.done(s, a)]
            days = school.day(school.as_of) - (school.day(max(done)) if done else 0)
            if risks[s]["risk"] in ("critical", "high"):
                add("risk", s, min(round(days, 12), (school.today - _enrolled_on(school, s)).days))
        for row in more["stuck"]:
            if not row["is_parked"]:
                add("stuck", row["student_id"], row["days_open"])
        for row in more["engagement_gap"]:
            add("engagement_gap", row["student_id"], row["days_silent"])
        for row in more["activity"]:
            if row["stage"] == "never_started":
                s = row["student_id"]
                add("never_started", s, (school.today - _enrolled_on(school, s)).days)
        alarm = more["cohort_alarm"]
        if alarm["alarm"]:
            days = (school.today - date.fromisoformat(alarm["week"])).days
            found.append(
                {"kind": "cohort_alarm", "who": class_id, "name": "Class", "days": days, "score": 0.0}
            )
    order = ["never_started", "stuck", "engagement_gap", "risk", "cohort_alarm"]
    found.sort(
        key=lambda n: (
            -n["days"],
            -n["score"],
            n["name"].casefold(),
            n["name"],
            order.index(n["kind"]),
            n["who"],
        )
    )
    people: dict[str, Row] = {}
    for need in found:
        entry = people.setdefault(need["who"], {**need, "also": set()})
        if need["kind"] != entry["kind"]:
            entry["also"].add(need["kind"])
    return list(people.values())
