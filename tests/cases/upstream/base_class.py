"""An invented class of eight students and twelve assignments, in the six weeks before 2026-11-27.

`python -m tests.cases.upstream.base_class FILE` writes the file that `practice-server --data FILE` serves.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Row = dict[str, Any]

NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)
FIRST_DAY = NOW - timedelta(days=42)

STUDENTS: list[tuple[str, str, str | None]] = [
    ("Amara", "Okonjo-Bright", "amara.okonjo@example.org"),
    ("Bela", "Kovács", "Bela.Kovacs@Example.org"),
    ("Chi", "", "chi@example.org"),
    ("Dana", "Whitlock", "dana+bootcamp@example.org"),
    ("Eoin", "Ó Briain", "eoin@example.org"),
    ("Farid", "Haddadi", None),
    ("Jo", "Smith", "jo.smith1@example.org"),
    ("Jo", "Smith", "jo.smith2@example.org"),
]
COMPLETED = [12, 11, 12, 10, 12, 4, 9, 12]


def object_id(number: int) -> str:
    return f"{number:024x}"


CLASS_ID = object_id(0xABC001)
STUDENT_IDS = [object_id(0x500000 + place) for place in range(len(STUDENTS))]
ASSIGNMENT_IDS = [object_id(0x700000 + place) for place in range(12)]


def utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def assignment(place: int) -> Row:
    """Describe an assignment: every fourth is a quiz."""
    if place % 4 == 3:
        return {"id": ASSIGNMENT_IDS[place], "name": f"Quiz {place // 4 + 1}", "type": "quiz"}
    return {
        "id": ASSIGNMENT_IDS[place],
        "name": f"Lesson {place + 1}: topic {place + 1}",
        "type": "lesson",
    }


def progression(number: int, student: int, place: int) -> Row:
    """Make the record of a student who takes 50 minutes for the assignment at this place."""
    first_name, last_name, email = STUDENTS[student]
    started = FIRST_DAY + timedelta(days=3.3 * place, hours=student)
    work = assignment(place)
    return {
        "_id": {"$oid": object_id(0x900000 + number)},
        "user": {
            "id": STUDENT_IDS[student],
            "first_name": first_name,
            "last_name": last_name,
            "email": email,
        },
        "assignment": work,
        "grade": 0.8 if work["type"] == "quiz" else 1,
        "started_assignment_at": utc_text(started),
        "completed_assignment_at": utc_text(started + timedelta(minutes=50)),
        "reviewed_at": None,
    }


def base_class() -> Row:
    """Make the class anew, so that a case may change it."""
    places = [(student, place) for student, count in enumerate(COMPLETED) for place in range(count)]
    return {
        "id": CLASS_ID,
        "friendly_id": "evening-a",
        "name": "Evening A",
        "units": [
            {"name": f"Week {week + 1}", "assignments": ASSIGNMENT_IDS[2 * week : 2 * week + 2]}
            for week in range(6)
        ],
        "progressions": [
            progression(number, student, place) for number, (student, place) in enumerate(places, start=1)
        ],
    }


def write(classes: list[Row], path: Path) -> None:
    path.write_text(json.dumps({"classes": classes}, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    write([base_class()], Path(sys.argv[1] if len(sys.argv) > 1 else "data.json"))
