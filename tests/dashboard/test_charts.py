"""Every chart that a page sends is valid Vega-Lite.

For speed, the pages do not validate their charts, so the tests do.
"""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import pytest

from cohort_core.reports.labels import BANDS
from cohort_core.services.workspace import Workspace
from tests.dashboard.conftest import page


def sent(name: str, query: dict[str, str]) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page(name, query).main.get("vega_lite_chart")]


@pytest.mark.parametrize(
    ("name", "query", "charts"),
    [
        ("blockers", {}, 1),
        ("risk", {}, 1),
        ("matrix", {}, 1),
        ("trends", {}, 6),
        ("student", {}, 2),
        ("assignment", {}, 2),
    ],
)
def test_every_chart_of_a_page_is_valid(
    big: str, practised: Workspace, name: str, query: dict[str, str], charts: int
) -> None:
    cohort = practised.cohorts.cohort(big)
    chosen = {
        "student": {"student": str(cohort.students.index[0])},
        "assignment": {"assignment": str(cohort.assignments.index[0])},
    }
    specs = sent(name, {"class": big, **query, **chosen.get(name, {})})
    assert len(specs) >= charts
    for spec in specs:
        alt.Chart.from_dict(spec, validate=True)


def test_the_check_finds_an_invalid_chart(big: str) -> None:
    spec = sent("trends", {"class": big})[0]
    spec["layer"][0]["mark"]["type"] = "lightning"
    with pytest.raises(Exception, match="lightning"):
        alt.Chart.from_dict(spec, validate=True)


def test_the_marks_of_a_chart_are_those_of_the_lists(big: str, practised: Workspace) -> None:
    student = str(practised.cohorts.cohort(big).students.index[0])
    spec = next(spec for spec in sent("student", {"class": big, "student": student}) if "layer" in spec)
    (points,) = (layer["encoding"] for layer in spec["layer"] if "shape" in layer["encoding"])
    forms = {"◆": "diamond", "▲": "triangle-up", "●": "circle", "○": "circle"}
    looks = list(BANDS.values())
    assert points["shape"]["scale"]["range"] == [forms[look.shape] for look in looks]
    assert points["stroke"]["scale"]["range"] == [look.colour for look in looks]
    # Only the ring is empty.
    assert [fill == "transparent" for fill in points["fill"]["scale"]["range"]] == [
        look.shape == "○" for look in looks
    ]
