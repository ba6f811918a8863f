"""The progress of a class as an SVG: levels, points with their numbers, names that do not touch."""

from __future__ import annotations

from datetime import date, timedelta
from xml.etree import ElementTree

import pandas as pd
import pytest

from cohort_core.dashboard.components import progress_lines


def drawn(completed: list[int], in_progress: list[int]) -> ElementTree.Element:
    weeks = [date(2026, 9, 7) + timedelta(weeks=number) for number in range(len(completed))]
    frame = pd.DataFrame({"week": weeks, "completed": completed, "in_progress": in_progress})
    return ElementTree.fromstring(progress_lines.draw(frame, "Work"))


def texts(svg: ElementTree.Element) -> list[str]:
    return [node.text or "" for node in svg.iter("text")]


@pytest.mark.parametrize(
    ("largest", "levels"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (7, ["0", "2", "4", "6", "8"]),
        (506, ["0", "200", "400", "600"]),
        (3559, ["0", "1,000", "2,000", "3,000", "4,000"]),
    ],
)
def test_levels_are_round_and_few(largest: int, levels: list[str]) -> None:
    assert texts(drawn([0, largest], [0, 0]))[: len(levels)] == levels


def test_a_point_says_its_week_and_number() -> None:
    svg = drawn([3, 10], [1, 2])
    titles = [node.text for node in svg.iter("title")]
    assert titles[1] == "Completed by the end of the week of 14 Sep: 10 assignments"
    assert titles[2] == "In progress by the end of the week of 7 Sep: 1 assignment"
    heights = [float(node.attrib["cy"]) for node in svg.iter("circle")]
    assert heights[1] < heights[0] < heights[3] < heights[2]
    assert svg.attrib["aria-label"] == "Work"


def test_names_of_lines_that_end_together_do_not_touch() -> None:
    names = [node for node in drawn([5], [5]).iter("text") if node.text in ("Completed", "In progress")]
    first, second = sorted(float(node.attrib["y"]) for node in names)
    assert second - first >= progress_lines.NAME_GAP


def test_no_week_is_no_line() -> None:
    assert texts(drawn([], [])) == ["0", "1"]
