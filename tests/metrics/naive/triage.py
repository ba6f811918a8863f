"""The triage list over several classes."""

from __future__ import annotations

from datetime import date
from math import floor
from typing import Any

from .risk import risk
from .school import Row, School, enrolled_on

PLACES = ["class", "slipping", "far_behind", "never_started", "silent"]
BANDS = ["low", "medium", "high", "critical"]


def triage(schools: list[tuple[School, Row, School]]) -> list[Row]:
    """List the students and classes that need a mentor, the most urgent first: kind, days and urgency.

    Each school comes with what `other_reports` gives for it, and as it was 7 days before.
    """
    entries: list[Row] = []
    for number, (school, reports, before) in enumerate(schools):
        everyone = list(school.students)
        risks = risk(school, everyone)
        class_id = f"class {number}"
        groups = _urgency(reports, risks, risk(before, list(before.students)))

        def add(
            kind: str,
            s: str,
            days: float,
            school: School = school,
            risks: Any = risks,
            groups: dict[str, str] = groups,
        ) -> None:
            entries.append(
                {
                    "kind": kind,
                    "subject": s,
                    "name": school.name(s),
                    "days": max(floor(days), 0),
                    "gap": risks[s]["risk_gap"],
                    "urgency": groups[s],
                    "risk": risks[s]["risk"],
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
                {
                    "kind": "cohort_alarm",
                    "subject": class_id,
                    "name": "Class",
                    "days": days,
                    "gap": 0.0,
                    "urgency": "class",
                    "risk": None,
                }
            )
    order = ["never_started", "stuck", "engagement_gap", "risk", "cohort_alarm"]
    entries.sort(
        key=lambda n: (
            PLACES.index(n["urgency"]),
            -n["gap"],
            -n["days"],
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


def _urgency(reports: Row, risks: Row, before: Row) -> dict[str, str]:
    """Give each student the first group that fits."""
    groups = {}
    for row in reports["activity"]:
        s, silent = row["student_id"], row["days_silent"]
        now = risks[s]["risk"]
        was_better = s in before and BANDS.index(before[s]["risk"]) < BANDS.index(now)
        is_newly_stuck = any(
            work["student_id"] == s and not work["is_parked"] and work["days_open"] - work["limit_days"] <= 7
            for work in reports["stuck"]
        )
        if row["stage"] == "never_started":
            groups[s] = "never_started"
        elif was_better or (silent is not None and 7 <= silent <= 21) or is_newly_stuck:
            groups[s] = "slipping"
        else:
            groups[s] = "far_behind" if now in ("critical", "high") else "silent"
    return groups
