"""A class at one instant, as dictionaries of raw rows, and how to read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import fmean, median
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
        for unit in units:
            for place, a in enumerate(unit["assignments"], start=1):
                self.kind.setdefault(a, (f"{unit['name']}, assignment {place}", None))
        self.course += sorted(outside, key=lambda a: self._work_order(rows, a))
        self.scale = {a: scale_of([r["grade"] for r in rows if r["assignment_id"] == a]) for a in self.course}
        self.assignments = [a for a in self.course if only in (None, self.kind[a][1])]

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
                        "shown_grade": share_of(row["grade"], self.scale[row["assignment_id"]])
                        if completed
                        else None,
                        "reviewed": self._visible(row["reviewed_at"]) if completed else None,
                    }
                )
        self.left_out: dict[str, list[str]] = {}
        for row in rows:
            share = share_of(row["grade"], self.scale[row["assignment_id"]])
            if self._visible(row["completed_at"]) and row["grade"] is not None and share is None:
                self.left_out.setdefault(row["assignment_id"], []).append(row["student_id"])
        begun = sorted(min(m for m in (row["started"], row["completed"]) if m) for row in seen)
        self.first = begun[0] if begun else None
        for number in range(1, len(begun)):
            is_few = number * 2 < len(begun) and (number == 1 or number * 20 <= len(begun))
            if is_few and begun[number] - begun[number - 1] >= timedelta(days=365):
                self.first = begun[number]
        self.starts_on: date | None = None
        if starts_on:
            self.starts_on = date.fromisoformat(starts_on)
        elif self.first:
            self.starts_on = self.first.astimezone(tz).date()

        people: dict[str, Row] = {}
        for row in rows:
            people[row["student_id"]] = {
                "first": row["first_name"],
                "last": row["last_name"],
                "email": row.get("email"),
            }
        for entry in roster:
            person = people.setdefault(
                entry["student_id"],
                {
                    "first": entry.get("first_name"),
                    "last": entry.get("last_name"),
                    "email": entry.get("email"),
                },
            )
            person.update({k: entry.get(k) for k in ("night", "region", "enrolled_on", "withdrawn_on")})
        self._names = names_of(people)
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
            graded = [row for row in attempts if row["shown_grade"] is not None]
            long_ago = datetime(1, 1, 2, tzinfo=tz)
            last = max(
                graded,
                key=lambda r: (r["completed"], r["reviewed"] or long_ago, r["shown_grade"]),
                default=None,
            )
            shown = last["shown_grade"] if last else None
            self.record[key] = {
                "started": min((r["started"] for r in attempts if r["started"]), default=None),
                "completed": min((r["completed"] for r in attempts if r["completed"]), default=None),
                "grade": None if shown is None else min(shown, 1.0),
                "shown_grade": shown,
                "reviewed": max((r["reviewed"] for r in attempts if r["reviewed"]), default=None),
            }

    def _visible(self, text: str | None) -> datetime | None:
        moment = datetime.fromisoformat(text) if text else None
        return moment if moment and moment <= self.as_of else None

    def in_group(self, s: str, group: str) -> bool:
        labels = [self.students[s].get("night"), self.students[s].get("region")]
        return group.strip().casefold() in [label.strip().casefold() for label in labels if label]

    def name(self, s: str) -> str:
        return self._names[s]

    def _work_order(self, rows: list[Row], a: str) -> tuple[Any, ...]:
        """Median completion, median start, name with its numbers as numbers."""
        key: list[Any] = []
        for moment in ("completed_at", "started_at"):
            times = [datetime.fromisoformat(r[moment]) for r in rows if r["assignment_id"] == a and r[moment]]
            key += [not times, median(t.timestamp() for t in times) if times else 0]
        digits = re.sub(r"\d+", lambda number: number[0].zfill(30), self.kind[a][0])
        return (*key, digits.casefold(), a)

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


def scale_of(sent: list[float | None]) -> str:
    """The scale of an assignment by all grades that were sent for it."""
    grades = [grade for grade in sent if grade is not None]
    above = [grade for grade in grades if grade > 1.001]
    below = [grade for grade in grades if 0 < grade <= 1.001]
    if not above:
        return "share"
    if max(above) <= 2 and len(above) * 5 <= len(grades):
        return "share_with_bonus"
    if len(below) * 5 < len(above) + len(below):
        return "percent"
    is_percent = len(above) > len(below) or (len(above) == len(below) and max(above) > 2)
    return "unclear, percent" if is_percent else "unclear, share"


def share_of(sent: float | None, scale: str) -> float | None:
    """The grade that is shown for what was sent; None if it does not fit."""
    if sent is None or scale == "share_with_bonus":
        return sent
    if scale == "percent":
        return sent / 100
    if scale == "unclear, percent":
        return sent / 100 if sent == 0 or sent > 1.001 else None
    return min(sent, 1.0) if sent <= 1.001 else None


def names_of(people: dict[str, Row]) -> dict[str, str]:
    """The name of each person: equal ones get their email's first part, then all of it, then a number."""

    def local(person: Row) -> str | None:
        return person["email"].split("@")[0] if person["email"] else None

    def same(names: dict[str, str], s: str) -> list[str]:
        return [t for t in names if names[t].casefold() == names[s].casefold()]

    plain = {
        s: f"{p['first'] or ''} {p['last'] or ''}".strip() or local(p) or "Unnamed student"
        for s, p in people.items()
    }
    names = dict(plain)
    for beside in (local, lambda person: person["email"]):
        before = dict(names)
        for s, person in people.items():
            if len(same(before, s)) > 1 and beside(person):
                names[s] = f"{plain[s]} ({beside(person)})"
    before = dict(names)
    for s in people:
        others = sorted(same(before, s))
        if len(others) > 1:
            names[s] = f"{before[s]} ({others.index(s) + 1})"
    return names


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
    name, kind = school.kind[a]
    return {"name": name, "type": kind, "section": school.section.get(a)}


def grade_and_times(record: Row | None, moments: tuple[str, ...]) -> Row:
    shown: Row = {"grade": record["shown_grade"] if record else None}
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
