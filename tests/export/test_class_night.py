"""The class-night sheet, and nothing that a neighbour should not read."""

from __future__ import annotations

import json
from datetime import date
from io import BytesIO

import pandas as pd
import pypdf
import pytest

from cohort_core.export.class_night import class_night_sheet, content
from cohort_core.metrics.class_night import class_night
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.metrics.outcomes import CONTACT_COLUMNS
from tests.metrics.school import UNITS, data_of, small_class, work

NONE = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in CONTACT_COLUMNS.items()})


def contact(cohort: Cohort, student_id: str, days_ago: int) -> pd.DataFrame:
    at = cohort.as_of - pd.Timedelta(days=days_ago)
    row = {"contact_id": 1, "student_id": student_id, "at": at, "channel": "met"}
    return pd.DataFrame([{**dict.fromkeys(CONTACT_COLUMNS), **row}]).astype(CONTACT_COLUMNS)


def test_the_sheet_by_hand() -> None:
    night = class_night(small_class(), NONE)
    topics = {talk.student_id: talk.about for talk in night.first}
    # cy is stuck in a2; fay has started nothing, and most of the class has completed a1.
    assert (topics["cy"], topics["fay"]) == ("A2", "A1")
    assert "ana" not in class_night(small_class(), contact(small_class(), "ana", 20)).not_talked_to
    assert "ana" in class_night(small_class(), contact(small_class(), "ana", 22)).not_talked_to
    assert "cy" not in [talk.student_id for talk in class_night(small_class(), NONE, {"cy"}).first]


def test_who_came_back_had_been_away_for_two_weeks() -> None:
    rows = [
        work("ana", "a1", "2025-03-03 10:00", "2025-03-04 10:00"),
        work("ana", "a2", "2025-03-24 10:00"),
        work("bo", "a1", "2025-03-03 10:00", "2025-03-14 10:00"),
        work("bo", "a2", "2025-03-24 10:00"),
    ]
    night = class_night(build(data_of(rows, UNITS), date(2025, 3, 27)), NONE)
    assert night.came_back == ("ana",)


@pytest.mark.parametrize("group", [None, "Tue"])
def test_no_band_score_or_grade_is_on_the_sheet(group: str | None) -> None:
    cohort = build(small_class().class_data, small_class().as_of, group)
    file = class_night_sheet(cohort, class_night(cohort, NONE))
    pages = pypdf.PdfReader(BytesIO(file)).pages
    assert len(pages) == 1
    words = (json.dumps(content(cohort, class_night(cohort, NONE))) + pages[0].extract_text()).lower()
    for word in ("critical", "high", "medium", "on pace", "points", "%", "grade", "risk"):
        assert word not in words, word
