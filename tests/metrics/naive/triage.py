"""The triage list over several classes."""

from __future__ import annotations

from datetime import date
from math import floor
from typing import Any

from .risk import risk
from .school import Row, School, enrolled_on


def triage(schools: list[tuple[School, Row]]) -> list[Row]:
    """List the students and classes that need a mentor, the longest in need first: kind and days of each.

    Each school comes with what `other_reports` gives for it.
    """
    entries: list[Row] = []
    for number, (school, reports) in enumerate(schools):
        everyone = list(school.students)
        risks = risk(school, everyone)
        class_id = f"class {number}"

        def add(kind: str, s: str, days: float, school: School = school, risks: Any = risks) -> None:
            entries.append(
                {
                    "kind": kind,
                    "subject": s,
                    "name": school.name(s),
                    "days": max(floor(days), 0),
                    "score": risks[s]["risk_score"],
                }
            )

        for s in everyone:
            done = [school.record[s, a]["completed"] for a in school.course if school.done(s, a)]
            days = school.day(school.as_of) - (school.day(max(done)) if done else 0)
            if risks[s]["risk"] in ("critical", "high"):
                add("risk", s, min(round(days, 12), (school.today - enrolled_on(school, s)).days))
        for row in reports["stuck"]:
            if not row["is_parked"]:
                add("stuck", row["student_id"], row["days_open"])
        for row in reports["engagement_gap"]:
            add("engagement_gap", row["student_id"], row["days_silent"])
        for row in reports["activity"]:
            if row["stage"] == "never_started":
                s = row["student_id"]
                add("never_started", s, (school.today - enrolled_on(school, s)).days)
        alarm = reports["cohort_alarm"]
        if alarm["alarm"]:
            days = (school.today - date.fromisoformat(alarm["week"])).days
            entries.append(
                {"kind": "cohort_alarm", "subject": class_id, "name": "Class", "days": days, "score": 0.0}
            )
    order = ["never_started", "stuck", "engagement_gap", "risk", "cohort_alarm"]
    entries.sort(
        key=lambda n: (
            -n["days"],
            -n["score"],
            n["name"].casefold(),
            n["name"],
            order.index(n["kind"]),
            n["subject"],
        )
    )
    subjects: dict[str, Row] = {}
    for entry in entries:
        longest = subjects.setdefault(entry["subject"], {**entry, "also": set()})
        if entry["kind"] != longest["kind"]:
            longest["also"].add(entry["kind"])
    return list(subjects.values())
