"""Real classes replayed: three of the Open University Learning Analytics Dataset.

Its licence and origin stand in data/ATTRIBUTION.md. Days count from the start of the course. They are
turned into dates so that today is a chosen day. The data holds no names, no hours and no starting times:
names and hours are invented, and the start of a row is null or the instant of its completion. A result
carried over from an earlier course (``is_banked``) is a row like any other. That is why some completions
lie before the start of the course.
"""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, time, timedelta
from importlib.resources import files

from cohort_core.practice import people
from cohort_core.practice.history import History, instant
from cohort_core.practice.school import Row, hex_id

CODES = ("AAA-2013J", "EEE-2013J", "DDD-2013B")


def read(name: str) -> list[dict[str, str]]:
    """Return the lines of a packaged table."""
    packed = files("cohort_core.practice").joinpath("data", f"{name}.csv.gz").read_bytes()
    return list(csv.DictReader(gzip.decompress(packed).decode().splitlines()))


class Replay:
    """A real class, on its ``day`` at the instant at which the school opens."""

    def __init__(self, code: str, seed: int, opened: datetime, day: int) -> None:
        self.code = code
        self._seed = seed
        self.starts_on = opened.astimezone(UTC).date() - timedelta(days=day)
        self.id = hex_id(seed, "oulad", code)
        self._assignments: dict[str, Row] = {}
        self._units: list[Row] = []
        self._plan()

    def _plan(self) -> None:
        lines = [line for line in read("assignments") if line["class_id"] == self.code]
        lines.sort(key=lambda line: (float(line["due_day"] or "inf"), line["assignment_id"]))
        numbers: dict[str, int] = {}
        for line in lines:
            kind, due = line["type"], line["due_day"]
            numbers[kind] = numbers.get(kind, 0) + 1
            label = f"{kind} {numbers[kind]}" if kind != "Exam" else kind
            identity = self.assignment_id(line["assignment_id"])
            name = f"{label} (due day {due})" if due else f"{label} (no due day)"
            self._assignments[line["assignment_id"]] = {"id": identity, "name": name, "type": kind.lower()}
            unit = f"Due day {due}" if due else "No due day"
            if not self._units or self._units[-1]["name"] != unit:
                self._units.append({"name": unit, "assignments": []})
            self._units[-1]["assignments"].append(identity)

    def student_id(self, number: str) -> str:
        """Return the upstream id of a student, the same in all classes."""
        return hex_id(self._seed, "person", "oulad", number)

    def assignment_id(self, number: str) -> str:
        return hex_id(self._seed, "oulad", "assignment", number)

    def as_class(self) -> Row:
        module, presentation = self.code.split("-")
        return {
            "_id": {"$oid": self.id},
            "id": self.id,
            "friendly_id": f"oulad-{self.code.lower()}",
            "name": f"Open University {module} {presentation} (real, replayed)",
            # So nobody follows it without wishing to: it is large, and its assignments have no real names.
            "is_published": False,
        }

    def units(self) -> list[Row]:
        return self._units

    def histories(self) -> list[History]:
        users: dict[str, Row] = {}
        histories = []
        midnight = instant(datetime.combine(self.starts_on, time(), UTC))
        for line in read(f"progressions-{self.code}"):
            number = line["student_id"]
            if number not in users:
                users[number] = people.invented(self._seed, "oulad", number).as_user()
            identity = hex_id(self._seed, "oulad", self.code, number, line["assignment_id"])
            chance = int(identity[:8], 16)
            # Between 07:00 and 23:00 of the day.
            completed = midnight + (int(line["completed_day"]) * 24 + 7) * 3_600_000 + chance % 57_600_000
            started = completed if chance % 10 < 6 else None
            history = History(identity, users[number], self._assignments[line["assignment_id"]], started)
            history.completed = completed
            if line["grade"]:
                history.grades = [(completed, float(line["grade"]))]
            histories.append(history)
        return histories

    def roster(self, today: datetime) -> list[dict[str, str]]:
        """Return the students registered by then.

        A withdrawal in the future is left empty. The rows of a student stay after the withdrawal.
        """
        lines, latest = [], today.astimezone(UTC).date()
        for line in read(f"students-{self.code}"):
            person = people.invented(self._seed, "oulad", line["student_id"])
            enrolled, withdrawn = (
                self.starts_on + timedelta(days=int(line[column])) if line[column] else None
                for column in ("registered_day", "unregistered_day")
            )
            if enrolled and enrolled > latest:
                continue
            lines.append(
                {
                    "email": person.email,
                    "first_name": person.first_name,
                    "last_name": person.last_name,
                    "enrolled_on": enrolled.isoformat() if enrolled else "",
                    "withdrawn_on": withdrawn.isoformat() if withdrawn and withdrawn <= latest else "",
                    "class": f"oulad-{self.code.lower()}",
                }
            )
        return lines
