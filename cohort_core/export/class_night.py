"""The class-night sheet as a PDF: one page to take along."""

from __future__ import annotations

from typing import Any

from cohort_core.export.pdf import typeset
from cohort_core.formatting import and_more, long_day
from cohort_core.metrics.class_night import MAX_NAMES, ClassNight
from cohort_core.metrics.cohort import Cohort

MAX_STUCK = 6


def class_night_sheet(cohort: Cohort, night: ClassNight, *, anonymous: bool = False) -> bytes:
    """Typeset the sheet on A4. Raises NotInstalled without the typesetter."""
    return typeset("class_night.typ", content(cohort, night, anonymous=anonymous))


def content(cohort: Cohort, night: ClassNight, *, anonymous: bool = False) -> dict[str, Any]:
    """Return everything that the sheet says, as the data of class_night.typ."""
    local = cohort.as_of.tz_convert(cohort.tz)
    where = " · ".join(part for part in (cohort.class_data.name, cohort.group) if part)
    people = " · Names are pseudonyms." if anonymous else ""
    return {
        "title": f"Class night: {where}",
        "subtitle": f"As of {local:%A} {long_day(local)}{people}",
        "first": [
            {"name": talk.name, "about": f"talk about “{talk.about}”" if talk.about else "ask how it goes"}
            for talk in night.first
        ],
        "teach_again": [
            {"assignment": lesson.assignment, "students": and_more(lesson.students, MAX_STUCK)}
            for lesson in night.teach_again
        ],
        "parts": [
            {"title": "Came back this week", "names": and_more(night.came_back, MAX_NAMES)},
            {"title": "New", "names": and_more(night.new, MAX_NAMES)},
            {"title": "Not talked to for three weeks", "names": and_more(night.not_talked_to, MAX_NAMES)},
        ],
    }
