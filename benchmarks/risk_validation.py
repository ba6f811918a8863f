"""Test how early the risk score finds students who will be lost, on nine real university courses.

    python benchmarks/risk_validation.py [--write docs/risk.md] [--plot FILE.svg]

A student counts as lost if the final result is Fail or Withdrawn. The population of a day is everyone who is
registered by then and has not unregistered. The measure is the ROC AUC within each class, as the mean over
the classes: the chance that a lost student has a higher score than a successful student. The score is
computed by the program itself, as of that day. `benchmarks/oulad.py` loads the classes.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import oulad
from benchmarks.oulad import Course
from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.completion import by_student
from cohort_core.metrics.risk import NEEDS_ATTENTION, gather_evidence, risk, risk_before_cap
from cohort_core.timeutils import days

Score = Callable[[Cohort], pd.DataFrame]
"""Scores a class, as `risk` does."""

DAYS = (30, 60, 90, 120, 150)
BANDS = ("critical", "high", "medium", "low")
GRADED, UNCAPPED, CAPPED = (
    "graded work alone",
    "graded work and lessons, without the cap",
    "graded work and lessons, with the cap",
)
PUBLISHED = {
    GRADED: (0.714, 0.819, 0.846, 0.877, 0.904),
    UNCAPPED: (0.711, 0.767, 0.795, 0.830, 0.862),
    CAPPED: (0.744, 0.816, 0.845, 0.876, 0.899),
}
"""The AUC by day that was measured when the score was chosen."""
MAX_DIFFERENCE = 0.002
MIN_STUDENTS = 30
"""The share lost of a band counts for the ranges if the band has so many students on that day."""
SIZES, DRAWS, SEED = (12, 25, 50), 40, 2013
LOOKS = range(28, 151, 7)
"""The days of the weekly looks: four months, from the fifth week on."""
LEFT_AFTER, LEAD = 42, 14


def auc(score: np.ndarray, lost: np.ndarray) -> float:
    """Return the share of pairs of a lost and another student that the score orders rightly.

    Ties count half. NaN if all are lost, or nobody.
    """
    ranks = pd.Series(score).round(9).rank().to_numpy()
    n, others = int(lost.sum()), int((~lost).sum())
    return float((ranks[lost].sum() - n * (n + 1) / 2) / (n * others)) if n and others else float("nan")


def areas(courses: Sequence[Course], score: Score = risk) -> list[float]:
    """Return the AUC of a risk score by day, as the mean over the classes."""
    return [
        float(
            np.mean([auc(scored["score"].to_numpy(), lost) for scored, lost in _scored(courses, day, score)])
        )
        for day in DAYS
    ]


def _scored(
    courses: Iterable[Course], day: int, score: Score = risk
) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Yield the risk of each class on a day, and whether its students were lost."""
    for course in courses:
        scored = score(course.on_day(day))
        yield scored, course.lost[scored.index].to_numpy()


def other_areas(courses: Sequence[Course]) -> dict[str, list[float]]:
    """Return the AUC by day of three simple scores, by name."""
    measured = [
        (name, day, auc(score, course.lost[cohort.students.index].to_numpy()))
        for day in DAYS
        for course in courses
        for cohort in [course.on_day(day)]
        for name, score in _simple_scores(cohort).items()
    ]
    table = pd.DataFrame(measured, columns=["name", "day", "auc"])
    means = table.groupby(["name", "day"], sort=False)["auc"].mean().unstack()
    return {str(name): [float(value) for value in row] for name, row in means.iterrows()}


def _simple_scores(cohort: Cohort) -> dict[str, np.ndarray]:
    """Return scores that are higher for students who are more likely to be lost."""
    progress = by_student(cohort)
    last = group_stats.latest(cohort.student, len(cohort.students), cohort.completed)
    assert cohort.starts_at is not None
    start = cohort.starts_at.tz_convert(None).to_datetime64()
    return {
        "average grade alone (none: 0)": -progress["avg_grade"].fillna(0.0).to_numpy(),
        "completed ÷ all": -(progress["completed"] / len(cohort.assignments)).to_numpy(),
        "days since the last completion": days(cohort.now - np.where(np.isnat(last), start, last)),
    }


def hidden_busy(courses: Sequence[Course]) -> tuple[int, int, int, int]:
    """Count, on day 90, the students who opened as much as the others and handed in little.

    They opened as many lessons as the middle of their class, and handed in at most half of the core work: the
    graded assignments that half of the class completed. Returns how many there are, how many of them were
    lost, and how many of them are in critical or high without the cap and with it.
    """
    counts = np.zeros(4, dtype=int)
    for course in courses:
        cohort = course.on_day(90)
        evidence, students = gather_evidence(cohort), len(cohort.students)
        is_lesson = cohort.assignments.index.str.startswith(oulad.LESSON)
        is_core = ~is_lesson & (evidence.completions * 2 >= students)
        opened, handed_in = (
            group_stats.count(evidence.student[chosen[evidence.position]], students)
            for chosen in (is_lesson, is_core)
        )
        is_meant = (opened >= np.median(opened)) & (handed_in * 2 <= is_core.sum())
        lost = course.lost[cohort.students.index].to_numpy()
        flagged = [
            scored["band"].isin(NEEDS_ATTENTION).to_numpy()
            for scored in (risk_before_cap(cohort), risk(cohort))
        ]
        counts += [int((is_meant & also).sum()) for also in (is_meant, lost, *flagged)]
    return tuple(counts.tolist())


def bands(courses: Sequence[Course]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables with a row for each band.

    The first is the share lost and the number of students (mean, size) by day, over all classes. The second
    is the 10th and 90th percentile of the share lost over the classes and days (low, high), of bands with
    MIN_STUDENTS or more.
    """
    rows = [
        pd.DataFrame({"band": scored["band"].to_numpy(), "lost": lost, "class": number, "day": day})
        for day in DAYS
        for number, (scored, lost) in enumerate(_scored(courses, day))
    ]
    frame = pd.concat(rows)
    by_day = pd.DataFrame(frame.groupby(["band", "day"])["lost"].agg(["mean", "size"]).unstack())
    shares = frame.groupby(["band", "class", "day"])["lost"].agg(["mean", "size"])
    shares = shares[shares["size"] >= MIN_STUDENTS]
    ranges = (
        shares.groupby("band")["mean"]
        .quantile(np.array([0.1, 0.9]))
        .unstack()
        .set_axis(["low", "high"], axis=1)
    )
    return by_day.loc[list(BANDS)], ranges.loc[list(BANDS)]


def small_classes(courses: Sequence[Course], day: int = 90) -> pd.DataFrame:
    """Cut small classes out of the large ones at random, DRAWS of each size from each class.

    Returns a row for each size: auc (mean), spread (standard deviation of the AUC between small classes),
    spearman (mean, with the order of the same students in their whole class), and the share lost by band.
    """
    chance = np.random.default_rng(SEED)
    rows = []
    for size in SIZES:
        measured, members = [], []
        for course in courses:
            whole = risk(course.on_day(day))["score"]
            for _ in range(DRAWS):
                chosen = chance.choice(whole.index.to_numpy(), size, replace=False)
                scored = risk(course.of(chosen).on_day(day))
                lost = course.lost[scored.index].to_numpy()
                own, theirs = (score.round(9).rank() for score in (scored["score"], whole[scored.index]))
                measured.append((auc(scored["score"].to_numpy(), lost), own.corr(theirs)))
                members.append(pd.DataFrame({"band": scored["band"].to_numpy(), "lost": lost}))
        areas, agreements = np.array(measured).T
        shares = pd.concat(members).groupby("band")["lost"].mean()
        rows.append(
            {
                "size": size,
                "auc": np.nanmean(areas),
                "spread": np.nanstd(areas),
                "spearman": np.nanmean(agreements),
                **{band: shares[band] for band in BANDS},
            }
        )
    return pd.DataFrame(rows).set_index("size")


def weekly(courses: Sequence[Course]) -> dict[str, float]:
    """Look at the classes every week, as a mentor does.

    Returns shares: *flips*, of students who go into critical or high, or leave them, from a week to the next;
    *moves*, of students whose band is another; *lead*, of those who withdrew after day 42, who had been
    critical or high two weeks or more before; *passed*, of those who passed, who were at some look.
    """
    flips, moves = [], []
    seen = left = passed = passed_flagged = 0
    for course in courses:
        first: dict[str, int] = {}
        before: pd.Series[Any] | None = None
        for day in LOOKS:
            band = risk(course.on_day(day))["band"]
            is_flagged = band.isin(NEEDS_ATTENTION)
            for student_id in band.index[is_flagged]:
                first.setdefault(student_id, day)
            if before is not None:
                both = band.index.intersection(before.index)
                moves.append((band[both] != before[both]).mean())
                flips.append((is_flagged[both] != before[both].isin(NEEDS_ATTENTION)).mean())
            before = band
        flagged_on = pd.Series(first, dtype="float64").reindex(course.lost.index)
        late_leavers = course.left_on[course.left_on > LEFT_AFTER]
        left += len(late_leavers)
        seen += int((flagged_on[late_leavers.index] <= late_leavers - LEAD).sum())
        passed += int((~course.lost).sum())
        passed_flagged += int((flagged_on.notna() & ~course.lost).sum())
    return {
        "flips": float(np.mean(flips)),
        "moves": float(np.mean(moves)),
        "lead": seen / left,
        "passed": passed_flagged / passed,
    }


def plot(table: dict[str, list[float]]) -> str:
    """Draw the AUC of the score and of simple scores by day, as an SVG for light and dark pages."""
    left, top, width, height, low = 52, 16, 470, 260, 0.5
    looks = {
        GRADED: ("this score", "#2f7f88", ""),
        "completed ÷ all": ("completed ÷ all", "#d98a1f", "7 4"),
        "average grade alone (none: 0)": ("average grade", "#8a6bb0", "2 4"),
        "days since the last completion": ("recency", "#7d878c", "10 4 2 4"),
    }

    def reached(name: str, day: int) -> float:
        return table[name][DAYS.index(day)]

    def x(day: int) -> float:
        return left + (day - DAYS[0]) / (DAYS[-1] - DAYS[0]) * width

    def y(value: float) -> float:
        return top + (1 - value) / (1 - low) * height

    parts = []
    for value in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        at = f"{y(value):.1f}"
        line = f'x1="{left}" x2="{left + width}" y1="{at}" y2="{at}" stroke="#93a0a4" stroke-opacity="0.35"'
        parts.append(
            f'<line {line}/><text x="{left - 8}" y="{at}" dy="4" text-anchor="end">{value:.1f}</text>'
        )
    bottom = top + height + 20
    parts += [f'<text x="{x(day):.1f}" y="{bottom}" text-anchor="middle">day {day}</text>' for day in DAYS]
    ends = sorted(looks, key=lambda name: -reached(name, DAYS[-1]))
    labels: list[float] = []
    for name in ends:
        label, colour, dash = looks[name]
        points = " ".join(f"{x(day):.1f},{y(reached(name, day)):.1f}" for day in DAYS)
        # Labels of lines that end close together stand one below the other.
        label_y = max([y(reached(name, DAYS[-1])) + 4, *(above + 16 for above in labels[-1:])])
        labels.append(label_y)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5" '
            f'stroke-dasharray="{dash}"/>'
            f'<text x="{left + width + 8}" y="{label_y:.1f}" fill="{colour}">{label}</text>'
        )
    head = (
        f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 130} {top + height + 32}" '
        'font-family="sans-serif" font-size="12" fill="#7d878c" role="img" '
        'aria-label="ROC AUC of four scores on days 30 to 150"'
    )
    return f"<svg {head}>\n" + "\n".join(parts) + "\n</svg>\n"


def auc_table(graded: Sequence[Course], lessons: Sequence[Course]) -> dict[str, list[float]]:
    """Return the AUC by day of this score in its three forms, and of simple scores."""
    uncapped = areas(lessons, risk_before_cap)
    return {GRADED: areas(graded), UNCAPPED: uncapped, CAPPED: areas(lessons), **other_areas(graded)}


def blocks(graded: Sequence[Course], lessons: Sequence[Course]) -> Iterator[tuple[str, str]]:
    """Yield the texts of docs/risk.md that hold results, each with its name there."""
    yield "auc", auc_text(auc_table(graded, lessons))
    yield "hidden", hidden_text(*hidden_busy(lessons))
    yield "bands", bands_text(*bands(graded))
    yield "bands-lessons", bands_text(*bands(lessons))
    yield "small", small_text(small_classes(graded), small_classes(lessons))
    yield "weekly", weekly_text(weekly(graded), weekly(lessons))


def auc_text(table: dict[str, list[float]]) -> str:
    """Write the AUC of each score as a table with a row a score and a column a day."""
    return _table(["day", *DAYS], [[name, *map(_short, values)] for name, values in table.items()])


def hidden_text(students: int, lost: int, without: int, with_cap: int) -> str:
    """Write what became of the students who open everything and hand in little."""
    return (
        f"There were {students} such students, and {lost} of them were lost. Without the cap {without} of "
        f"them are in critical or high on day 90, with it {with_cap}."
    )


def bands_text(by_day: pd.DataFrame, ranges: pd.DataFrame) -> str:
    """Write the share lost of each band, by day and as a range."""
    rows = [
        [
            band,
            *(f"{_short(share, 2)} of {size:,.0f}" for share, size in zip(shares, sizes, strict=True)),
            f"{_short(low, 2)}–{_short(high, 2)}",
        ]
        for band, shares, sizes, (low, high) in zip(
            BANDS, by_day["mean"].to_numpy(), by_day["size"].to_numpy(), ranges.to_numpy(), strict=True
        )
    ]
    return _table(["day", *DAYS, "range"], rows)


def small_text(graded: pd.DataFrame, lessons: pd.DataFrame) -> str:
    """Write how the score does in small classes."""
    rows = [
        [
            f"{size} students, {name}",
            f"{_short(row['auc'])} ± {_short(row['spread'], 2)}",
            _short(row["spearman"]),
            *(_short(row[band], 2) for band in BANDS),
        ]
        for name, table in (("graded work", graded), ("with lessons", lessons))
        for size, row in table.iterrows()
    ]
    return _table(["class of", "AUC", "Spearman", *BANDS], rows)


def weekly_text(graded: dict[str, float], lessons: dict[str, float]) -> str:
    """Write what a mentor sees who looks every week."""
    rows = [
        [words, *(f"{100 * table[key]:.0f} %" for table in (graded, lessons))]
        for key, words in (
            ("lead", "withdrew after day 42, and had been critical or high two weeks or more before"),
            ("passed", "passed, and had been critical or high at some look"),
            ("flips", "came into critical or high, or left them, from a week to the next"),
            ("moves", "changed band from a week to the next"),
        )
    ]
    return _table(["of the students", "graded work", "with lessons"], rows)


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    text = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    text[1] = text[1].replace(" ", "")
    return "\n".join(text)


def _short(value: float, digits: int = 3) -> str:
    """Format a share without its leading zero, such as ".714"."""
    return f"{value:.{digits}f}".removeprefix("0")


def fill(document: str, name: str, text: str) -> str:
    """Replace the text between the marks of that name in a document."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not marks.search(document):
        raise SystemExit(f"The document has no marks for {name}.")
    return marks.sub(lambda match: f"{match[1]}{text}\n{match[2]}", document)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", type=Path, help="fill the results into this document, docs/risk.md")
    parser.add_argument("--plot", type=Path, help="write the plot of the first table here")
    wanted = parser.parse_args()
    graded, lessons = oulad.load(), oulad.load(with_lessons=True)
    for courses in (graded, lessons):
        students = sum(len(course.class_data.students) for course in courses)
        records = sum(len(course.class_data.progressions) for course in courses)
        print(f"{len(courses)} classes, {students:,} students, {records:,} records")
    document = wanted.write.read_text(encoding="utf-8") if wanted.write else None
    for name, text in blocks(graded, lessons):
        print(f"\n{name}\n\n{text}", flush=True)
        document = document and fill(document, name, text)
    if document:
        wanted.write.write_text(document, encoding="utf-8")
    table = auc_table(graded, lessons)
    if wanted.plot:
        wanted.plot.write_text(plot(table), encoding="utf-8")
    off = max(np.abs(np.subtract(table[name], published)).max() for name, published in PUBLISHED.items())
    print(f"\nFurthest from the published numbers: {off:.4f}")
    if off > MAX_DIFFERENCE:
        raise SystemExit("The score is no longer the one that was tested.")


if __name__ == "__main__":
    main()
