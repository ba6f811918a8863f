"""A class at one instant, as dictionaries of raw rows, and how to read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
DAY, WEEK = timedelta(days=1), timedelta(days=7)
UTC = ZoneInfo("UTC")


class School:
    """The students who count at an instant, the assignments, and one record a student and assignment."""

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

        seen: list[Row] = []
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
        return (moment.astimezone(UTC) - midnight.astimezone(UTC)) / DAY

    def monday(self, moment: datetime) -> date:
        day = moment.astimezone(self.tz).date()
        return day - timedelta(days=day.weekday())


def mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def clip(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def iso(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"


def records_of(school: School, students: list[str]) -> list[tuple[str, str, Row]]:
    return [
        (s, a, school.record[s, a]) for s in students for a in school.assignments if (s, a) in school.record
    ]


def completions_of(school: School, students: list[str]) -> list[tuple[str, str, Row]]:
    return [(s, a, r) for s, a, r in records_of(school, students) if r["completed"]]


def labels_of(school: School, a: str) -> Row:
    name, kind = school.kind.get(a, (a, None))
    return {"name": name, "type": kind, "section": school.section.get(a)}


def grade_and_times(record: Row | None, moments: tuple[str, ...]) -> Row:
    shown: Row = {"grade": record["grade"] if record else None}
    for name in moments:
        moment = record[name] if record else None
        shown[f"{name}_at"] = iso(moment) if moment else None
    return shown


def days_between(earlier: datetime, later: datetime) -> float:
    return (later.astimezone(UTC) - earlier.astimezone(UTC)) / DAY


def days_in_work(school: School, s: str, a: str) -> float | None:
    """Days in work, up to *as of* if it is open; None if the start is unknown."""
    record = school.record[s, a]
    if not record["completed"]:
        return days_between(record["started"], school.as_of)
    if record["started"] and record["completed"] - record["started"] >= timedelta(seconds=60):
        return days_between(record["started"], record["completed"])
    return None


def midnight(school: School, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=school.tz).astimezone(UTC)


def enrolled_on(school: School, s: str) -> date:
    joined = school.students[s].get("enrolled_on")
    since = date.fromisoformat(joined) if joined else school.starts_on
    assert since is not None
    return since


def completes_elsewhere(school: School, s: str) -> bool:
    return any(
        school.as_of - school.record[s, a]["completed"] < WEEK for a in school.course if school.done(s, a)
    )
