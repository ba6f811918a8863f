"""A number is the same wherever it is shown: in a sentence, a metric, a table, a chart and the PDF."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from cohort_core import formatting
from cohort_core.charts import assignment_charts, student_charts
from cohort_core.config.paths import Home
from cohort_core.dashboard.components import tables
from cohort_core.dashboard.components.tables import Column
from cohort_core.export import pdf
from cohort_core.metrics.cohort import Cohort
from cohort_core.practice.generated import PracticeSchool
from cohort_core.practice.server import running
from cohort_core.reports import catalog
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import set_active
from tests.conftest import FAST_RETRIES
from tests.dashboard.conftest import Use, page, shown

AVERAGE = re.compile(r"Average grade (\d+ %)(, without placeholders near 0,)? where")


@pytest.fixture(scope="module")
def whole_school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Every class of the practice school, the replayed ones of the Open University too."""
    workspace = Workspace(Home(tmp_path_factory.mktemp("whole") / "home"), retry_policy=FAST_RETRIES)
    with running(PracticeSchool()) as upstream:
        workspace.connect_to_practice(upstream.url, asked_by="test")
        classes = [status.id for status in workspace.cohorts.statuses()]
        set_active(workspace.database, classes, active=True)
        workspace.prepare_sync(asked_by="test").run()
        yield workspace
    workspace.stop()


def cohorts(workspace: Workspace) -> Iterator[Cohort]:
    for status in workspace.cohorts.statuses():
        yield workspace.cohorts.cohort(status.id)


def averages(reasons: list[str]) -> list[tuple[str, bool]]:
    """Return the average grade that the reasons name, and whether they leave placeholders out."""
    matches = [AVERAGE.match(reason) for reason in reasons]
    return [(match[1], bool(match[2])) for match in matches if match]


def test_sentence_and_metric_agree_for_every_student(whole_school: Workspace) -> None:
    compared = halves = 0
    for cohort in cohorts(whole_school):
        for student in catalog.student_health(cohort).records():
            metric = formatting.percent(student["avg_grade"])
            for sentence, without_placeholders in averages(student["reasons"]):
                compared += 1
                halves += abs(100 * student["avg_grade"] % 1 - 0.5) < 1e-9
                assert sentence == metric or without_placeholders, student
    assert compared > 800
    assert halves > 100, "the school has no grade whose rounding could differ"


def test_the_page_and_the_paper_show_that_number(whole_school: Workspace, use: Use) -> None:
    use(whole_school)
    cohort = next(cohort for cohort in cohorts(whole_school) if "EEE" in cohort.class_data.name)
    students = [
        student
        for student in catalog.student_health(cohort).records()
        if averages(student["reasons"]) and abs(100 * student["avg_grade"] % 1 - 0.5) < 1e-9
    ]
    for student in students[:3]:
        test = page("student", {"class": cohort.class_data.class_id, "student": student["student_id"]})
        (metric,) = (item.value for item in test.metric if item.label == "Average grade")
        assert metric == averages(student["reasons"])[0][0]
        assert f"Average grade {metric} where the class has" in shown(test)
    paper = pdf.content(cohort)["attention"]["rows"]
    in_paper = [(average[0][0], row["grade"]) for row in paper if (average := averages(row["reasons"]))]
    assert in_paper
    assert all(sentence == column for sentence, column in in_paper)


def test_tables_and_charts_round_as_sentences_do() -> None:
    shares = pd.DataFrame({"half": [0.125, 0.145, 0.625, None], "days": [0.25, 0.15, 12.0, None]})
    rounded = tables._round(shares, {"half": Column("Half", "percent"), "days": Column("Days", "days")})
    for share, percents in zip(shares["half"][:3], rounded["half"], strict=False):
        assert formatting.TABLE_PERCENT % percents == formatting.percent(share)
    assert rounded["days"].tolist()[:3] == [0.3, 0.2, 12.0]
    assert rounded.iloc[3].isna().all()


def test_no_chart_leaves_the_rounding_to_the_browser(whole_school: Workspace) -> None:
    cohort = next(cohorts(whole_school))
    blockers = catalog.blockers(cohort).frame
    drawn = [
        assignment_charts.blockers(blockers.head(5), "grade"),
        assignment_charts.course(blockers, 20),
        assignment_charts.grades(catalog.grade_distribution(cohort).frame),
        student_charts.risk_parts(catalog.student_health(cohort).frame.head(5)),
    ]
    for chart in drawn:
        spec = chart.to_dict()
        text = json.dumps(spec)
        assert not re.search(r'"format": "\.0%"', text)
        assert all(tooltip.get("format") in {None, ",d"} for tooltip in tooltips(spec))
    values = pd.DataFrame(next(iter(drawn[0].to_dict()["datasets"].values())))
    assert values["shown"].tolist() == [formatting.percent(grade) for grade in blockers["avg_grade"].head(5)]


def tooltips(spec: Any) -> Iterator[dict[str, Any]]:
    """Yield the tooltips of a chart and of its layers."""
    yield from spec.get("encoding", {}).get("tooltip", [])
    for layer in spec.get("layer", []):
        yield from tooltips(layer)
