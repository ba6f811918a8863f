"""The five answers of the project plan once more, by plain loops over raw rows.

Shares no code with the program, and prefers the slow and obvious way throughout: what both agree on is
unlikely to be a slip of either.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from statistics import fmean, median
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
DAY = timedelta(days=1)


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
    """All five answers under the names of the reports, as the API sends them.

    rows: id, student_id, first_name, last_name, assignment_id, name, type, grade, started_at, completed_at,
    reviewed_at (ISO texts with an offset, or None). units: name and assignments (a list of ids), in course
    order. roster: student_id, and where known first_name, last_name, night, region, enrolled_on,
    withdrawn_on ("YYYY-MM-DD"). as_of has a zone. Assignments outside all units come last, by name.
    """
    school = School(rows, units, roster, ZoneInfo(timezone), as_of, starts_on, kind)
    everyone = list(school.students)
    chosen = [s for s in everyone if group is None or school.in_group(s, group)]
    return {
        "progress_summary": _progress_summary(school, chosen),
        "completion": _completion(school, chosen),
        "blockers": _blockers(school, everyone, chosen),
        "student_health": _student_health(school, everyone, chosen),
        "progress_over_time": _progress_over_time(school, chosen),
    }


class School:
    def __init__(
        self,
        rows: list[Row],
        units: list[Row],
        roster: list[Row],
        tz: ZoneInfo,
        as_of: datetime,
        starts_on: str | None,
        only: str | None,
    ) -> None:
        self.tz, self.as_of = tz, as_of
        self.today = as_of.astimezone(tz).date()

        self.course: list[str] = []
        self.section: dict[str, str] = {}
        for unit in units:
            for a in unit["assignments"]:
                if a not in self.section:
                    self.course.append(a)
                    self.section[a] = unit["name"]
        self.kind = {row["assignment_id"]: (row["name"], row["type"]) for row in rows}
        outside = set(self.kind) - set(self.course)
        self.course += sorted(outside, key=lambda a: (self.kind[a][0], a))
        self.assignments = [a for a in self.course if only in (None, self.kind.get(a, (a, None))[1])]

        seen = []
        for row in rows:
            completed = self._visible(row["completed_at"])
            started = self._visible(row["started_at"])
            if started or completed:
                seen.append(
                    {
                        "key": (row["student_id"], row["assignment_id"]),
                        "started": started,
                        "completed": completed,
                        "grade": row["grade"] if completed else None,
                        "reviewed": self._visible(row["reviewed_at"]) if completed else None,
                    }
                )
        moments = [m for row in seen for m in (row["started"], row["completed"]) if m]
        self.starts_on: date | None = None
        if starts_on:
            self.starts_on = date.fromisoformat(starts_on)
        elif moments:
            self.starts_on = min(moments).astimezone(tz).date()

        people: dict[str, Row] = {}
        for row in rows:
            people[row["student_id"]] = {"first": row["first_name"], "last": row["last_name"]}
        for entry in roster:
            person = people.setdefault(
                entry["student_id"], {"first": entry.get("first_name"), "last": entry.get("last_name")}
            )
            person.update({k: entry.get(k) for k in ("night", "region", "enrolled_on", "withdrawn_on")})
        self.students: dict[str, Row] = {}
        for s, person in people.items():
            joined, left = person.get("enrolled_on"), person.get("withdrawn_on")
            if joined:
                counts = date.fromisoformat(joined) <= self.today
            else:
                counts = self.starts_on is not None and self.starts_on <= self.today
            if left and date.fromisoformat(left) <= self.today:
                counts = False
            if counts:
                self.students[s] = person

        self.record: dict[tuple[str, str], Row] = {}
        for key in {row["key"] for row in seen}:
            if key[0] not in self.students:
                continue
            attempts = [row for row in seen if row["key"] == key]
            graded = [row for row in attempts if row["grade"] is not None]
            long_ago = datetime(1, 1, 2, tzinfo=tz)
            last = max(
                graded, key=lambda r: (r["completed"], r["reviewed"] or long_ago, r["grade"]), default=None
            )
            self.record[key] = {
                "started": min((r["started"] for r in attempts if r["started"]), default=None),
                "completed": min((r["completed"] for r in attempts if r["completed"]), default=None),
                "grade": last["grade"] if last else None,
                "reviewed": max((r["reviewed"] for r in attempts if r["reviewed"]), default=None),
            }

    def _visible(self, text: str | None) -> datetime | None:
        moment = datetime.fromisoformat(text) if text else None
        return moment if moment and moment <= self.as_of else None

    def in_group(self, s: str, group: str) -> bool:
        labels = [self.students[s].get("night"), self.students[s].get("region")]
        return group.strip().casefold() in [label.strip().casefold() for label in labels if label]

    def name(self, s: str) -> str:
        person = self.students[s]
        return f"{person['first'] or ''} {person['last'] or ''}".strip() or s

    def done(self, s: str, a: str) -> Row | None:
        record = self.record.get((s, a))
        return record if record and record["completed"] else None

    def open(self, s: str, a: str) -> Row | None:
        record = self.record.get((s, a))
        return record if record and not record["completed"] else None

    def moments(self, s: str) -> list[datetime]:
        """Starts and completions of any type."""
        mine = [self.record[s, a] for a in self.course if (s, a) in self.record]
        return [m for record in mine for m in (record["started"], record["completed"]) if m]

    def day(self, moment: datetime) -> float:
        """Days since the class's start."""
        if self.starts_on is None:
            return 0.0
        midnight = datetime(self.starts_on.year, self.starts_on.month, self.starts_on.day, tzinfo=self.tz)
        # Through UTC: subtracting two times of one zone would ignore clock changes.
        utc = ZoneInfo("UTC")
        return (moment.astimezone(utc) - midnight.astimezone(utc)) / DAY

    def monday(self, moment: datetime) -> date:
        day = moment.astimezone(self.tz).date()
        return day - timedelta(days=day.weekday())


def mean(values: list[float]) -> float | None:
    return fmean(values) if values else None


def clip(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def _progress_summary(school: School, students: list[str]) -> Row:
    completed = in_progress = not_started = active = 0
    shares = []
    for s in students:
        mine = [school.record[s, a] for a in school.assignments if (s, a) in school.record]
        finished = [record for record in mine if record["completed"]]
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
        "completed_count": completed,
        "in_progress_count": in_progress,
        "not_started_count": not_started,
        "active_this_week_count": active,
    }


def _completion(school: School, students: list[str]) -> Row:
    counts = [sum(1 for s in students if school.done(s, a)) for a in school.assignments]
    return {
        "total_assignments": len(counts),
        "assignments_with_0_completions": counts.count(0),
        "avg_students_per_assignment": mean(counts),
        "total_students": len(students),
    }


def durations(school: School, students: list[str], a: str) -> Row:
    known, ages, completed = [], [], 0
    for s in students:
        record = school.record.get((s, a))
        if record and record["completed"]:
            completed += 1
            if record["started"] and record["completed"] - record["started"] >= timedelta(seconds=60):
                known.append((record["completed"] - record["started"]) / DAY)
        elif record:
            ages.append((school.as_of - record["started"]) / DAY)

    def reached(share: Fraction) -> float | None:
        unfinished = Fraction(1)
        for duration in sorted(set(known)):
            at_risk = sum(1 for d in known + ages if d >= duration)
            unfinished *= 1 - Fraction(known.count(duration), at_risk)
            if unfinished <= share:
                return duration
        return None

    return {
        "timed_count": len(known),
        "untimed_share": (completed - len(known)) / completed if completed else None,
        "median_days": reached(Fraction(1, 2)),
        "p80_days": reached(Fraction(1, 5)),
        "longest": max(known, default=0.0),
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


def _blockers(school: School, everyone: list[str], students: list[str]) -> list[Row]:
    stuck = is_stuck(school, everyone)
    result = []
    for position, a in enumerate(school.course):
        later = school.course[position + 1 :]
        reached = completed = in_progress = stuck_count = 0
        grades = []
        for s in students:
            if school.done(s, a):
                completed += 1
                if school.done(s, a)["grade"] is not None:
                    grades.append(school.done(s, a)["grade"])
            in_progress += bool(school.open(s, a))
            stuck_count += stuck(s, a)
            reached += bool((s, a) in school.record or any(school.done(s, b) for b in later))
        times = durations(school, students, a)
        name, kind = school.kind.get(a, (a, None))
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


def _student_health(school: School, everyone: list[str], students: list[str]) -> list[Row]:
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


def iso(moment: datetime) -> str:
    utc = moment.astimezone(ZoneInfo("UTC"))
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"


def _quartile(values: list[float], share: float) -> float:
    values = sorted(values)
    place = (len(values) - 1) * share
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def risk(school: School, everyone: list[str]) -> dict[str, Row]:
    t = school.day(school.as_of)
    parts = {s: {"missing": 0.0, "marks": 0.0, "late": 0.0, "quiet": 0.0} for s in everyone}
    weights = 0.0
    known: dict[str, Row] = {}
    for a in school.course:
        done = {s: school.done(s, a) for s in everyone if school.done(s, a)}
        if not done:
            continue
        day = {s: school.day(record["completed"]) for s, record in done.items()}
        usual_day = median(day.values())
        spread = max(_quartile(list(day.values()), 0.75) - _quartile(list(day.values()), 0.25), 2)
        recency = clip(usual_day, 0, t) / t if t > 0 else 0
        weight = (len(done) / len(everyone)) ** 2 * (0.25 + 0.75 * recency)
        weights += weight
        grades = {s: record["grade"] for s, record in done.items() if record["grade"] is not None}
        low = [g for g in grades.values() if g < 0.1]
        if 5 * len(low) >= len(grades):
            grades = {s: g for s, g in grades.items() if g >= 0.1}
        usual_grade = fmean(grades.values()) if grades else 1.0
        known[a] = {
            "weight": weight,
            "day": day,
            "usual_day": usual_day,
            "grades": grades,
            "usual": usual_grade,
        }
        known[a]["late"] = {s for s in done if len(done) >= 3 and day[s] > usual_day}
        for s in everyone:
            if s not in done:
                parts[s]["missing"] += weight
                continue
            late = clip((day[s] - usual_day) / spread, 0, 1) if len(done) >= 3 else 0
            parts[s]["marks"] += weight * 0.8 * (1 - grades.get(s, usual_grade))
            parts[s]["late"] += weight * 0.2 * late
    silent = {}
    for s in everyone:
        days = [school.day(school.done(s, a)["completed"]) for a in school.course if school.done(s, a)]
        silent[s] = t - (max(days) if days else 0)
    scores = {}
    for s in everyone:
        for part in ("missing", "marks", "late"):
            parts[s][part] *= 85 / (weights + 0.25)
        parts[s]["quiet"] = 15 * clip((silent[s] / max(median(silent.values()), 7) - 1) / 3, 0, 1)
        scores[s] = sum(parts[s].values())
    result = {}
    for s in everyone:
        gap = round(scores[s] - median(scores.values()), 9)
        band = next(
            (b for b, least in (("critical", 30), ("high", 10), ("medium", 2)) if gap >= least), "low"
        )
        result[s] = {
            "risk": band,
            "risk_score": round(scores[s], 9),
            "risk_gap": gap,
            "risk_parts": parts[s],
            "reasons": _reasons(school, s, parts[s], known, weights, silent, len(everyone)),
            **{f"{part}_points": points for part, points in parts[s].items()},
        }
    return result


def _reasons(
    school: School,
    s: str,
    parts: dict[str, float],
    known: dict[str, Row],
    weights: float,
    silent: dict[str, float],
    size: int,
) -> list[str]:
    """`known`: what the class did, by assignment that anyone completed, in course order."""

    def whole(value: float) -> int:
        return floor(round(value, 6) + 0.5)

    def points(value: float) -> str:
        shown = whole(value)
        return "less than 1 point" if shown == 0 else "1 point" if shown == 1 else f"{shown} points"

    def days(value: float) -> str:
        shown = whole(value)
        return "less than a day" if shown == 0 else "1 day" if shown == 1 else f"{shown} days"

    def name(a: str) -> str:
        return school.kind[a][0]

    def worth(a: str) -> float:
        return known[a]["weight"] * 85 / (weights + 0.25)

    mine = [a for a in known if s in known[a]["day"]]
    said = {}

    usual = [a for a in known if 2 * len(known[a]["day"]) >= size]
    missing = [a for a in usual if a not in mine]
    finished = "that most of the class has finished"
    if not missing:
        usual, missing = list(known), [a for a in known if a not in mine]
        finished = "that part of the class has finished"
    cleared = points(sum(worth(a) for a in missing))
    if missing and len(usual) == 1:
        said["missing"] = (
            f"The only assignment {finished} is missing, {name(missing[0])}; "
            f"completing it clears up to {cleared}."
        )
    elif len(missing) == 1:
        said["missing"] = (
            f"1 of the {len(usual)} assignments {finished} is missing, {name(missing[0])}; "
            f"completing it clears up to {cleared}."
        )
    elif missing:
        said["missing"] = (
            f"{len(missing)} of the {len(usual)} assignments {finished} are missing, first "
            f"{name(missing[0])} and {name(missing[1])}; completing them clears up to {cleared}."
        )

    graded = [a for a in mine if s in known[a]["grades"]]
    if graded:
        lost = {a: round(worth(a) * 0.8 * (1 - known[a]["grades"][s]), 9) for a in graded}
        worst = max(graded, key=lambda a: lost[a])
        own = 100 * fmean(known[a]["grades"][s] for a in graded)
        theirs = 100 * fmean(known[a]["usual"] for a in graded)
        said["marks"] = (
            f"Average grade {whole(own)} % where the class has {whole(theirs)} % for the same work, "
            f"most lost in {name(worst)} ({whole(100 * known[worst]['grades'][s])} %); "
            f"full marks there clear {points(lost[worst])}."
        )
    elif mine:
        average = whole(100 * fmean(known[a]["usual"] for a in mine))
        said["marks"] = (
            f"No grades yet, so work counts with the average of the class, {average} %; grades of their own "
            "clear this."
        )

    late = {a: round(known[a]["day"][s] - known[a]["usual_day"], 9) for a in mine if s in known[a]["late"]}
    if late:
        worst = max(late, key=lambda a: late[a])
        if len(mine) == 1:
            start = (
                f"The only completed assignment came {days(late[worst])} later than in the middle of the "
                f"class ({name(worst)})"
            )
        else:
            longest = days(late[worst])
            start = (
                f"{len(late)} of {len(mine)} completed assignments came later than in the middle of the "
                f"class, typically by {days(median(late.values()))} and most in {name(worst)} ({longest})"
            )
        said["late"] = f"{start}; new work on time makes this fade."

    since = floor(round(silent[s], 12))
    span = f"for {since} days" if mine else f"in the {since} days since the class began"
    half = max(1, ceil(round(median(silent.values()), 9)))
    last = "the last day" if half == 1 else f"the last {half} days"
    said["quiet"] = (
        f"Nothing completed {span}, while half of the class completed something within {last}; "
        "any completion clears this."
    )
    order = sorted(parts, key=lambda part: -round(parts[part], 9))
    return [said[part] for part in order if round(parts[part], 9) >= 2][:3]


def _progress_over_time(school: School, students: list[str]) -> list[Row]:
    records = [
        (s, record) for (s, a), record in school.record.items() if s in students and a in school.assignments
    ]
    moments = [m for _, record in records for m in (record["started"], record["completed"]) if m]
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
