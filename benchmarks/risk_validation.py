"""Test how early the risk score finds students who will be lost, on nine real university courses.

    python benchmarks/risk_validation.py [--data FOLDER] [--plot FILE.svg]

A student counts as lost if the final result is Fail or Withdrawn. The population of a day is everyone who is
registered by then and has not unregistered. The measure is the ROC AUC within each class, as the mean over
the classes: the chance that a lost student has a higher score than a successful student. The score is
computed by the program itself, as of that day. For the data see ATTRIBUTION.md in the folder.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from cohort_core.metrics import group_stats
from cohort_core.metrics.cohort import Cohort, build
from cohort_core.metrics.completion import by_student
from cohort_core.metrics.risk import risk
from cohort_core.store.class_data import ClassData, empty
from cohort_core.timeutils import days

DAYS = (30, 60, 90, 120, 150)
BANDS = ("critical", "high", "medium", "low")
LOST = ("Fail", "Withdrawn")
START = pd.Timestamp("2013-01-01")
PUBLISHED = (0.714, 0.819, 0.846, 0.877, 0.904)
"""The AUC by day that docs/risk.md reports."""
MAX_DIFFERENCE = 0.002


def load(folder: Path) -> list[tuple[ClassData, pd.Series[Any]]]:
    """Return the data of each class, and whether each of its students was lost."""
    done, people, tasks = (
        pd.read_csv(folder / f"{name}.csv.gz", dtype={"student_id": "str", "assignment_id": "str"})
        for name in ("progressions", "students", "assignments")
    )
    loaded = []
    for class_id, enrolled in people.groupby("class_id"):
        rows, course = done[done["class_id"] == class_id], tasks[tasks["class_id"] == class_id]
        instant = _on(rows["completed_day"]).dt.tz_localize("UTC")
        none = pd.Series(pd.NaT, index=rows.index, dtype=instant.dtype)
        text = pd.Series(None, index=enrolled.index, dtype="str")
        class_data = ClassData(
            **{
                **vars(empty(str(class_id))),
                "starts_on": date(START.year, START.month, START.day),
                "students": pd.DataFrame(
                    {
                        "student_id": enrolled["student_id"],
                        **dict.fromkeys(("first_name", "last_name", "email", "night", "region"), text),
                        "enrolled_on": _on(enrolled["registered_day"]),
                        "withdrawn_on": _on(enrolled["unregistered_day"]),
                    }
                ),
                "assignments": course[["assignment_id", "type"]].assign(
                    name=course["assignment_id"], section=None, position=np.arange(len(course))
                ),
                "progressions": pd.DataFrame(
                    {
                        "id": rows.index.astype("str"),
                        "student_id": rows["student_id"],
                        "assignment_id": rows["assignment_id"],
                        "grade": rows["grade"],
                        "started_at": none,
                        "completed_at": instant,
                        "reviewed_at": none,
                        "synced_at": none,
                    }
                ),
            }
        )
        loaded.append((class_data, enrolled.set_index("student_id")["final_result"].isin(LOST)))
    return loaded


def _on(day: pd.Series[Any]) -> pd.Series[Any]:
    return (START + pd.to_timedelta(day, unit="D")).dt.as_unit("us")


def scores(cohort: Cohort) -> dict[str, np.ndarray]:
    """Return four scores by name, higher for students who are more likely to be lost."""
    n = len(cohort.students)
    progress = by_student(cohort)
    last = group_stats.latest(cohort.student, n, cohort.completed)
    assert cohort.starts_at is not None
    start = cohort.starts_at.tz_convert(None).to_datetime64()
    return {
        "this score": risk(cohort)["score"].to_numpy(),
        "completed ÷ all": -(progress["completed"] / len(cohort.assignments)).to_numpy(),
        "average grade": -progress["avg_grade"].fillna(0.0).to_numpy(),
        "recency": days(cohort.now - np.where(np.isnat(last), start, last)),
    }


def auc(score: np.ndarray, lost: np.ndarray) -> float:
    """Return the share of pairs of a lost and another student that the score orders rightly.

    Ties count half.
    """
    ranks = pd.Series(score).round(9).rank().to_numpy()
    n, others = int(lost.sum()), int((~lost).sum())
    return float((ranks[lost].sum() - n * (n + 1) / 2) / (n * others))


def validate(classes: list[tuple[ClassData, pd.Series[Any]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute two tables over all classes.

    The first is the AUC by score and day. The second is the share lost, and the number of students, by band
    and day.
    """
    measured, counted = [], []
    for day in DAYS:
        for class_data, fate in classes:
            cohort = build(class_data, (START + pd.Timedelta(days=day)).tz_localize("UTC"))
            lost = fate[cohort.students.index].to_numpy()
            for name, score in scores(cohort).items():
                measured.append((name, day, auc(score, lost)))
            counted.append(pd.DataFrame({"band": risk(cohort)["band"].to_numpy(), "lost": lost, "day": day}))
    areas = pd.DataFrame(measured, columns=["score", "day", "auc"])
    table = areas.groupby(["score", "day"], sort=False)["auc"].mean().unstack()
    by_band = pd.concat(counted).groupby(["band", "day"])["lost"].agg(["mean", "size"])
    bands = pd.DataFrame(by_band.unstack())
    return table, bands.loc[list(BANDS)]


def plot(table: pd.DataFrame) -> str:
    """Draw the AUC of each score by day, as an SVG for light and dark pages."""
    left, top, width, height, low = 52, 16, 470, 260, 0.5
    looks = {
        "this score": ("#2f7f88", ""),
        "completed ÷ all": ("#d98a1f", "7 4"),
        "average grade": ("#8a6bb0", "2 4"),
        "recency": ("#7d878c", "10 4 2 4"),
    }

    def reached(name: str, day: int) -> float:
        return float(table[day][name])

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
        colour, dash = looks[name]
        points = " ".join(f"{x(day):.1f},{y(reached(name, day)):.1f}" for day in DAYS)
        # Labels of lines that end close together stand one below the other.
        label_y = max([y(reached(name, DAYS[-1])) + 4, *(above + 16 for above in labels[-1:])])
        labels.append(label_y)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5" '
            f'stroke-dasharray="{dash}"/>'
            f'<text x="{left + width + 8}" y="{label_y:.1f}" fill="{colour}">{name}</text>'
        )
    head = (
        f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 130} {top + height + 32}" '
        'font-family="sans-serif" font-size="12" fill="#7d878c" role="img" '
        'aria-label="ROC AUC of four scores on days 30 to 150"'
    )
    return f"<svg {head}>\n" + "\n".join(parts) + "\n</svg>\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "data" / "oulad")
    parser.add_argument("--plot", type=Path, help="write the plot of the first table here")
    wanted = parser.parse_args()
    classes = load(wanted.data)
    table, bands = validate(classes)
    records = sum(len(class_data.progressions) for class_data, _ in classes)
    students = sum(len(class_data.students) for class_data, _ in classes)
    print(f"{len(classes)} classes, {students:,} students, {records:,} records\n")
    print("ROC AUC within each class, mean over the classes\n")
    print("| day |" + "".join(f" {day} |" for day in DAYS) + "\n|---|" + "---|" * len(DAYS))
    for name, row in table.iterrows():
        print(f"| {name} |" + "".join(f" {value:.3f} |".replace("0.", ".") for value in row))
    print("\nShare lost by band, of so many students\n")
    print("| day |" + "".join(f" {day} |" for day in DAYS) + "\n|---|" + "---|" * len(DAYS))
    for band, row in bands.iterrows():
        cells = (
            f" {row[('mean', day)]:.2f} of {row[('size', day)]:,.0f} |".replace("0.", ".") for day in DAYS
        )
        print(f"| {band} |" + "".join(cells))
    if wanted.plot:
        wanted.plot.write_text(plot(table), encoding="utf-8")
    off = np.abs(table.loc["this score"].to_numpy() - np.array(PUBLISHED)).max()
    print(f"\nFurthest from the published numbers: {off:.4f}")
    if off > MAX_DIFFERENCE:
        raise SystemExit("The score is no longer the one that was tested.")


if __name__ == "__main__":
    main()
