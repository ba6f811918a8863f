"""Rosters of a class of eight, as learning platforms and spreadsheets wrote them, and what they must give."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cohort_core.errors import BadInput
from cohort_core.imports.roster_lines import read_roster_file

CASES = Path(__file__).parents[1] / "cases"
EXPECTED: dict[str, dict[str, Any]] = json.loads((CASES / "expected.json").read_text("utf-8"))
CLASS = ("Amara", "Okonjo-Bright", "Bela", "Kovács", "Chi", "Dana", "Whitlock", "Eoin", "Ó Briain", "Farid")
FIRST_DAY = date(2026, 10, 16)
NIGHTS = {
    "02-moodle/participants.csv": ["Tuesday", "Tuesday", "Thursday", "Tuesday"],
    "05-dates/template-saved-by-excel.csv": ["Tuesday", "Tuesday"],
    "22-class-night-header/roster.csv": ["Tuesday", "Thursday"],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_roster_as_it_comes(name: str) -> None:
    content, expected = (CASES / "roster" / name).read_bytes(), EXPECTED[name]
    if expected.get("refused"):
        with pytest.raises(BadInput, match="UTF-16"):
            read_roster_file(content, "The file")
        return
    file = read_roster_file(content, "The file", names_in_class=CLASS, class_starts_on=FIRST_DAY)
    people = expected["matched"] + expected.get("new", 0)
    # A single name that fits nobody of the class is a person here, and a line that is not used later.
    assert len(file.lines) + len(file.not_used) == people + expected.get("not_used", 0)
    assert not file.dates_are_unclear
    assert not file.lost_dates
    assert {"£", "\ufffd", "‡"}.isdisjoint("".join(str(line) for line in file.lines))
    if "ignored_columns" in expected:
        assert file.ignored_columns == expected["ignored_columns"]
    if name in NIGHTS:
        assert [line.night for line in file.lines] == NIGHTS[name]
    if name.startswith("05-dates"):
        assert {line.enrolled_on for line in file.lines} == {"2026-09-01"}
    if "class-column" in name:
        assert [line.class_name for line in file.lines] == ["Evening A", "evening-a", "EVENING-A"]


def test_every_file_has_a_case() -> None:
    files = {str(path.relative_to(CASES / "roster")) for path in (CASES / "roster").rglob("*.*")}
    assert files == set(EXPECTED)
