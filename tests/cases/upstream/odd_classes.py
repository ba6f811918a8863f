"""Odd values that learning platforms were seen to send: the class of `base_class`, with one oddity each.

`python -m tests.cases.upstream.odd_classes FILE` writes the file that `practice-server --data FILE` serves.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.cases.upstream import base_class as base
from tests.cases.upstream.base_class import Row, object_id, utc_text

ODDITIES: dict[str, tuple[int, Callable[[Row], None]]] = {}


def oddity(number: int) -> Callable[[Callable[[Row], None]], Callable[[Row], None]]:
    """Register a change of the class. The number makes the ids of its people and records its own."""

    def register(change: Callable[[Row], None]) -> Callable[[Row], None]:
        ODDITIES[change.__name__] = (number, change)
        return change

    return register


def odd_class(name: str) -> Row:
    """Make the class with this oddity."""
    number, change = ODDITIES[name]
    item = base.base_class()
    item.update(id=object_id(0xABD000 + number), friendly_id=name, name=name.title())
    for row in item["progressions"]:
        row["_id"]["$oid"] = _moved(row["_id"]["$oid"], number * 1000)
        row["user"]["id"] = _moved(row["user"]["id"], number * 100)
        row["assignment"]["id"] = _moved(row["assignment"]["id"], number * 100)
    for unit in item["units"]:
        unit["assignments"] = [_moved(identity, number * 100) for identity in unit["assignments"]]
    change(item)
    return item


def _moved(identity: str, by: int) -> str:
    return object_id(int(identity, 16) + by)


def first_quiz(item: Row) -> list[Row]:
    return [row for row in item["progressions"] if row["assignment"]["name"] == "Quiz 1"]


def place_of(row: Row) -> int:
    return (int(row["user"]["id"], 16) - 0x500000) % 100


def _grade(rows: list[Row], grades: list[Any]) -> None:
    for row, grade in zip(rows, grades, strict=True):
        row["grade"] = grade


@oddity(1)
def bonus(item: Row) -> None:
    _grade(first_quiz(item), [1.05, 1.1, 0.9, 0.95, 0.85, 1.0, 0.8, 0.9])


@oddity(2)
def oddgrades(item: Row) -> None:
    _grade(first_quiz(item), [-0.1, "0.85", "85%", True, 105, 1e-9, None, 0])


@oddity(4)
def future(item: Row) -> None:
    first, second, third, fourth, *_ = first_quiz(item)
    first["completed_assignment_at"] = "2027-06-01T10:00:00.000Z"
    second["started_assignment_at"] = "2027-06-01T10:00:00.000Z"
    second["completed_assignment_at"] = None
    third["started_assignment_at"], third["completed_assignment_at"] = (
        third["completed_assignment_at"],
        third["started_assignment_at"],
    )
    fourth["reviewed_at"] = "2199-01-01T00:00:00Z"


@oddity(5)
def nulls(item: Row) -> None:
    rows = item["progressions"]
    rows[0]["user"] = None
    rows[1]["assignment"] = None
    rows[2]["user"]["id"] = None
    rows[3]["assignment"]["name"] = None
    rows[4]["assignment"]["type"] = None
    rows[5]["user"] = {"id": rows[5]["user"]["id"]}


@oddity(6)
def attempts(item: Row) -> None:
    """Four students try the first quiz three times; the second try has no end and no grade."""
    number = 0
    for row in first_quiz(item)[:4]:
        completed = datetime.fromisoformat(row["completed_assignment_at"])
        for is_last, days in ((False, 1), (True, 3)):
            number += 1
            started = completed + timedelta(days=days)
            item["progressions"].append(
                {
                    **copy.deepcopy(row),
                    "_id": {"$oid": object_id(0x9F0000 + number)},
                    "grade": 0.95 if is_last else None,
                    "started_assignment_at": utc_text(started),
                    "completed_assignment_at": utc_text(started + timedelta(minutes=20)) if is_last else None,
                }
            )


@oddity(7)
def empty(item: Row) -> None:
    item["progressions"] = []


@oddity(9)
def unitsnull(item: Row) -> None:
    item["units"] = None


@oddity(10)
def names(item: Row) -> None:
    odd: list[tuple[str | None, str | None]] = [
        ("😀 Zoë", "🚀"),
        ("محمد", "الفارسي"),
        ("X" * 120, "Y" * 120),
        ("<b>Bo</b>", "</td><script>"),
        ("Ann\nMarie", "O'Neil"),
        ("=1+1", "@cmd"),
        ("", ""),
        (None, None),
    ]
    for row in item["progressions"]:
        row["user"]["first_name"], row["user"]["last_name"] = odd[place_of(row)]


@oddity(11)
def times(item: Row) -> None:
    odd: list[Any] = [
        1764543771781,
        "2026-11-01 10:00:00",
        "2026-11-01T10:00:00+0000",
        "2026-11-01T10:00:00.123456789Z",
        "Sun, 01 Nov 2026 10:00:00 GMT",
        {"$date": "2026-11-01T10:00:00Z"},
        "",
    ]
    for row, value in zip(first_quiz(item), odd, strict=False):
        row["started_assignment_at"] = value


@oddity(12)
def twoids(item: Row) -> None:
    """One student goes on half-way with a new account."""
    again = {"Lesson 7: topic 7", "Quiz 2", "Lesson 9: topic 9", "Lesson 10: topic 10"}
    again |= {"Lesson 11: topic 11", "Quiz 3"}
    for row in item["progressions"]:
        if place_of(row) == 0 and row["assignment"]["name"] in again:
            row["user"] |= {"id": object_id(0x5F0001), "email": "amara.new@example.org"}


@oddity(13)
def types(item: Row) -> None:
    other = {"Quiz 1": "Quiz", "Quiz 2": "project"}
    for row in item["progressions"]:
        work = row["assignment"]
        work["type"] = other.get(work["name"], work["type"])


@oddity(14)
def unitmove(item: Row) -> None:
    """One assignment is in two units, one unit's name is there twice, one unit has no name."""
    units = item["units"]
    units[0]["assignments"] = units[0]["assignments"] + units[1]["assignments"][:1]
    units.append({"name": "Week 1", "assignments": []})
    units.append({"assignments": [object_id(0x7FFF01)]})


if __name__ == "__main__":
    base.write(
        [odd_class(name) for name in ODDITIES], Path(sys.argv[1] if len(sys.argv) > 1 else "data.json")
    )
