"""The class report: a PDF to hand to a programme director.

The words and numbers are made here, from the same reports as the dashboard; pdf.typ lays them out. Names of
students and assignments reach the page as data and are never read as markup.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

import pandas as pd

from cohort_core.config.thresholds import Thresholds
from cohort_core.errors import NotInstalled
from cohort_core.formatting import (
    MISSING,
    count,
    days,
    days_ago,
    long_day,
    one_decimal,
    percent,
    percent_points,
    short_day,
    signed,
    signed_points,
    whole,
)
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.metrics.risk import NEEDS_ATTENTION
from cohort_core.reports import catalog
from cohort_core.reports.band_meaning import Meanings, meanings
from cohort_core.reports.labels import BANDS
from cohort_core.reports.row_models import BlockerRow, ProgressSummaryRow, Row, VelocityRow

MAX_STUDENTS, MAX_SILENT, MAX_BLOCKERS, MAX_RETEACH, MAX_SECTIONS = 25, 30, 10, 5, 30
WEEKS_SHOWN, WEEKS_LISTED = 26, 6

NOT_INSTALLED = (
    "PDF reports need a typesetter that is not installed. Run `pip install 'cohort-tracker[reports]'`."
)

_ENDLESS_WORD = re.compile(r"[^\s\\\"]{40}(?=[^\s\\\"])")
_WEEK_AGO = pd.Timedelta(days=7)
_UNCHANGED = "no change in a week"


def class_report(cohort: Cohort, said: Meanings | None = None, *, anonymous: bool = False) -> bytes:
    """Typeset the report on a class, or on one group of it.

    Returns a PDF on A4, as of the instant of the cohort. `said` is what may be said about the students of
    each band, by default what the test alone allows. `anonymous` means that the names in the cohort are
    pseudonyms already; the report then says so. Raises NotInstalled without the typesetter.
    """
    return typeset("pdf.typ", content(cohort, said, anonymous=anonymous))


def typeset(template_name: str, content: dict[str, Any]) -> bytes:
    """Lay data out with a template of this package; returns a PDF.

    Raises NotInstalled without the typesetter.
    """
    try:
        import typst
    except ImportError:
        raise NotInstalled(NOT_INSTALLED) from None
    template = files("cohort_core.export").joinpath(template_name).read_bytes()
    data = json.dumps(content, ensure_ascii=False, allow_nan=False)
    # Very long words may be broken anywhere, so that they do not run off the page.
    data = _ENDLESS_WORD.sub("\\g<0>\u200b", data)
    # Only the typesetter's own fonts, so that the report looks the same on every computer.
    document = typst.compile(template, format="pdf", sys_inputs={"data": data}, ignore_system_fonts=True)
    if not isinstance(document, bytes):
        raise AssertionError("a document is one file")
    return document


def is_possible() -> bool:
    """Return whether the typesetter is installed, without loading it, since it is large."""
    return find_spec("typst") is not None


def content(cohort: Cohort, said: Meanings | None = None, *, anonymous: bool = False) -> dict[str, Any]:
    """Return everything that the report says, as the data of pdf.typ."""
    said = meanings(thresholds=cohort.thresholds) if said is None else said
    local = cohort.as_of.tz_convert(cohort.tz)
    health = catalog.student_health(cohort).frame
    before = build(cohort.class_data, cohort.as_of - _WEEK_AGO, cohort.group, thresholds=cohort.thresholds)
    return {
        "class": cohort.class_data.name,
        "group": cohort.group,
        "as_of": f"{local:%A} {long_day(local)}, {local:%H:%M} ({cohort.tz.key})",
        "date": [local.year, local.month, local.day],
        "anonymous": anonymous,
        "is_empty": cohort.students.empty or cohort.assignments.empty,
        "figures": _figures(cohort, before),
        "summary": _summary(cohort, before, health),
        "bands": _bands(health, catalog.student_health(before).frame),
        "attention": _attention(health),
        "silent": _silent(cohort),
        "never": _never_started(health),
        "blockers": _blockers(cohort),
        "reteach": _reteach(cohort),
        "weeks": _weeks(cohort),
        "sections": _sections(cohort),
        "groups": _groups(cohort),
        "definitions": _definitions(cohort.thresholds, said),
    }


def _figures(cohort: Cohort, before: Cohort) -> list[dict[str, str]]:
    now, then = (catalog.progress_summary(state).record() for state in (cohort, before))

    def share_change(field: str) -> str:
        if None in (now[field], then[field]):
            return ""
        points = percent_points(now[field], then[field])
        return f"{signed_points(points)} in a week" if points else _UNCHANGED

    def change_of(field: str) -> str:
        difference = now[field] - then[field]
        return f"{signed(difference)} in a week" if difference else _UNCHANGED

    return [
        {"label": "Students", "value": whole(now["total_students"]), "note": change_of("total_students")},
        {
            "label": "Average completion",
            "value": percent(now["avg_completion"]),
            "note": share_change("avg_completion"),
        },
        {"label": "Average grade", "value": percent(now["avg_grade"]), "note": share_change("avg_grade")},
        {
            "label": "Active in 7 days",
            "value": whole(now["active_this_week_count"]),
            "note": f"of {now['total_students']}; a week ago {then['active_this_week_count']}",
        },
        {
            "label": "Completed everything",
            "value": whole(now["completed_count"]),
            "note": change_of("completed_count"),
        },
        {
            "label": "Never started",
            "value": whole(now["not_started_count"]),
            "note": change_of("not_started_count"),
        },
    ]


def _summary(cohort: Cohort, before: Cohort, health: pd.DataFrame) -> list[str]:
    """Return the sentences of the first page, which name no student."""
    alarm = catalog.cohort_alarm(cohort.classwide).record()
    sentences = [pace_sentence(alarm)]
    earlier = catalog.student_health(before).frame
    urgent, before_urgent = (int(frame["risk"].isin(NEEDS_ATTENTION).sum()) for frame in (health, earlier))
    sentences.append(
        f"{_students(urgent)} {'is' if urgent == 1 else 'are'} at critical or high risk; a week ago it was "
        f"{before_urgent:,}."
    )
    if silent := len(catalog.engagement_gap(cohort).frame):
        limit = days(cohort.thresholds.cooling_days)
        sentences.append(
            f"{_students(silent)} {'keeps' if silent == 1 else 'keep'} up with the class, but "
            f"{'has' if silent == 1 else 'have'} been silent for {limit} or more."
        )
    reteach = catalog.reteach(cohort).frame
    if len(reteach):
        first = reteach.iloc[0]
        sentences.append(
            f"Most worth teaching again is {first['name']}: {first['stuck']} of {first['started']} students "
            "who started it are stuck."
        )
    return sentences


def pace_sentence(alarm: Mapping[str, Any]) -> str:
    """Say how much the class works; `alarm` is the row of the report ``cohort_alarm``."""
    if alarm["velocity"] is None:
        return "The class has not had a full week yet."
    last = f"{one_decimal(alarm['velocity'])} completions per student in the last full week"
    if alarm["usual_velocity"] is None:
        return f"{last}."
    usual = f"usually {one_decimal(alarm['usual_velocity'])}"
    start = "The class as a whole has slowed down: " if alarm["alarm"] else ""
    return f"{start}{last}, {usual}."


def _bands(health: pd.DataFrame, earlier: pd.DataFrame) -> list[dict[str, Any]]:
    counts, before = health["risk"].value_counts(), earlier["risk"].value_counts()
    return [
        {
            "label": look.marked,
            "count": int(counts.get(band, 0)),
            "before": int(before.get(band, 0)),
            "share": counts.get(band, 0) / len(health),
        }
        for band, look in BANDS.items()
        if len(health)
    ]


def _attention(health: pd.DataFrame) -> dict[str, Any]:
    urgent = health[health["risk"].isin(NEEDS_ATTENTION)]
    rows = [
        {
            "name": row["name"],
            "band": BANDS[row["risk"]].marked,
            "score": whole(row["risk_score"]),
            "done": f"{row['completed']} of {row['total']}",
            "grade": percent(row["avg_grade"]),
            "last": days_ago(None if pd.isna(row["days_silent"]) else int(row["days_silent"])),
            "reasons": row["reasons"],
        }
        for row in urgent.head(MAX_STUDENTS).to_dict("records")
    ]
    return {"rows": rows, "more": len(urgent) - len(rows)}


def _silent(cohort: Cohort) -> dict[str, Any]:
    gap = catalog.engagement_gap(cohort).frame
    rows = [
        {
            "name": row["name"],
            "last": days_ago(None if pd.isna(row["days_silent"]) else int(row["days_silent"])),
            "done": f"{row['completed']} of {row['total']}",
        }
        for row in gap.head(MAX_SILENT).to_dict("records")
    ]
    return {"rows": rows, "more": len(gap) - len(rows)}


def _never_started(health: pd.DataFrame) -> dict[str, Any]:
    names = health.loc[health["stage"] == "never_started", "name"].tolist()
    return {"rows": names[:MAX_SILENT], "more": max(len(names) - MAX_SILENT, 0)}


def _blockers(cohort: Cohort) -> list[dict[str, Any]]:
    ranked = catalog.blockers(cohort).frame.dropna(subset=["rank"])
    return [
        {
            "name": row["name"],
            "section": None if pd.isna(row["section"]) else row["section"],
            "difficulty": whole(row["difficulty"]),
            "bar": row["difficulty"] / 100,
            "completed": f"{row['completed']} of {row['students_reached']}",
            "grade": percent(row["avg_grade"]),
            "days": one_decimal(row["median_days"]),
            "stuck": str(row["stuck"]),
        }
        for row in ranked.head(MAX_BLOCKERS).to_dict("records")
    ]


def _reteach(cohort: Cohort) -> list[dict[str, str]]:
    return [
        {
            "name": row["name"],
            "stuck": f"{row['stuck']} of {row['started']}",
            "students": ", ".join(row["students"]),
        }
        for row in catalog.reteach(cohort).frame.head(MAX_RETEACH).to_dict("records")
    ]


def _weeks(cohort: Cohort) -> dict[str, Any] | None:
    """Return the two charts and the table of the weeks.

    With fewer than two weeks there is nothing to draw. Places are shares of the width and height of a chart;
    scales are rounded.
    """
    weeks = catalog.progress_over_time(cohort).frame.tail(WEEKS_SHOWN)
    if len(weeks) < 2:
        return None
    pace = catalog.velocity(cohort).frame.set_index("week")
    total_scale = _scale(max(weeks["completed"].max(), weeks["in_progress"].max()))
    week_scale = _scale(weeks["completed_in_week"].max())
    steps = len(weeks) - 1
    every = math.ceil(len(weeks) / 7)
    last = weeks.iloc[-1]
    return {
        "labels": [
            [place / steps, place, short_day(week)]
            for place, week in enumerate(weeks["week"])
            if place % every == 0
        ],
        "count": len(weeks),
        "completed": _line(weeks["completed"], total_scale[-1]),
        "in_progress": _line(weeks["in_progress"], total_scale[-1]),
        "ends": [f"{last[name]:,}" for name in ("completed", "in_progress")],
        "bars": (weeks["completed_in_week"] / week_scale[-1]).tolist(),
        "has_partial_week": not bool(pace["is_full"].iloc[-1]),
        "total_scale": _ticks(total_scale),
        "week_scale": _ticks(week_scale),
        "rows": [
            [
                short_day(row["week"]) + ("" if pace.loc[row["week"], "is_full"] else " (so far)"),
                f"{row['completed_in_week']:,}",
                one_decimal(pace.loc[row["week"], "per_enrolled"]),
                str(row["active_students"]),
                f"{row['completed']:,}",
            ]
            for row in weeks.tail(WEEKS_LISTED).to_dict("records")
        ],
    }


def _sections(cohort: Cohort) -> list[dict[str, Any]]:
    return [
        {
            "name": "Outside all sections" if pd.isna(row["section"]) else row["section"],
            "assignments": str(row["assignments"]),
            "rate": 0.0 if pd.isna(row["completion_rate"]) else row["completion_rate"],
            "completion": percent(row["completion_rate"]),
            "everyone": str(row["students_completed"]),
            "grade": percent(row["avg_grade"]),
        }
        for row in catalog.by_section(cohort).frame.head(MAX_SECTIONS).to_dict("records")
    ]


def _groups(cohort: Cohort) -> list[list[str]]:
    if cohort.group is not None:
        return []
    return [
        [
            f"{row['kind'].capitalize()}: {MISSING if pd.isna(row['label']) else row['label']}",
            str(row["students"]),
            percent(row["avg_completion"]),
            percent(row["avg_grade"]),
            str(row["active_this_week_count"]),
        ]
        for row in catalog.by_group(cohort).frame.to_dict("records")
    ]


def _definitions(limits: Thresholds, said: Meanings) -> list[list[str]]:
    """Return the terms of the report with their meanings.

    Terms that are columns of a report have the words of docs/metrics.md.
    """

    def words(row: type[Row], field: str) -> str:
        return (row.model_fields[field].description or "").replace("*", "")

    summary, blocker = ProgressSummaryRow, BlockerRow
    return [
        [
            "As of",
            "The moment that everything here is about. What happened after it is not seen. Without another "
            "choice it is the end of the last sync with OpenClass.",
        ],
        ["Student", words(summary, "total_students")],
        ["Average completion", words(summary, "avg_completion")],
        ["Active in 7 days", words(summary, "active_this_week_count")],
        [
            "Risk",
            "Risk score: 0 to 100, the points for work that the class has completed and the student has not, "
            "for low grades, for work later than most, and for silence. Assignments without grades count "
            "together, at most half of the graded ones. "
            f"Levels begin {limits.critical_gap:g}, {limits.high_gap:g} and {limits.medium_gap:g} points "
            "behind the class. It compares students with their class: on pace is not the same "
            "as safe, and the score does not foresee who will leave.",
        ],
        *_band_rows(said),
        [
            "Keeping up, but silent",
            f"Medium risk or below, but without a start or completion for {limits.cooling_days} to "
            f"{days(limits.gone_days - 1)}.",
        ],
        [
            "Completed, of a blocker",
            words(blocker, "completion_rate") + " " + words(blocker, "students_reached"),
        ],
        [
            "Stuck",
            f"Students in it for longer than {days(limits.stuck_days)} and than its 80th percentile in the "
            "class.",
        ],
        [
            "Half finish within",
            "The days within which half of those who start complete it. Assignments in progress count as "
            f"lasting longer than they have so far; {MISSING} where half is not reached.",
        ],
        [
            "Difficulty",
            "0 to 100: up to 50 points for students who reached it and did not complete it, up to 30 for low "
            "grades, up to 20 for taking longer than most assignments. Assignments "
            f"that fewer than {limits.least_ranked} students have reached are not ranked.",
        ],
        [
            "Worth teaching again",
            f"Assignments that at least {limits.least_ranked} students began and in which somebody is stuck, "
            "first where most are stuck and the work takes longest.",
        ],
        ["Week", "Monday to Sunday in the class's time zone, named by its Monday."],
        ["Per student", words(VelocityRow, "per_enrolled")],
    ]


def _band_rows(said: Meanings) -> list[list[str]]:
    """Return the sentences about the students of each band, with their limits."""
    rows = [[BANDS[band].label, sentence] for band, sentence in said.of.items()]
    if len(set(said.of.values())) == 1:
        rows = [["Risk levels", rows[0][1]]]
    return [*rows, ["Limits of this", " ".join(said.limits)]]


def _line(values: pd.Series[int], top: int) -> list[list[float]]:
    """Return the points of a line, as shares of width and height."""
    steps = len(values) - 1
    return [[place / steps, value / top] for place, value in enumerate(values.tolist())]


def _scale(largest: int) -> list[int]:
    """Choose round numbers from 0 to at least `largest`, in about four steps.

    >>> _scale(130)
    [0, 50, 100, 150]
    """
    rough = max(largest, 1) / 4
    size = 10 ** math.floor(math.log10(rough))
    step = max(next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= rough), 1)
    step = math.ceil(step)
    return list(range(0, step * math.ceil(max(largest, 1) / step) + 1, step))


def _ticks(scale: list[int]) -> list[list[Any]]:
    return [[value / scale[-1], f"{value:,}"] for value in scale]


def _students(number: int) -> str:
    return {0: "No students", 1: "One student"}.get(number, count(number, "student"))
