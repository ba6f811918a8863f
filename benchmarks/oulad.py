"""The nine real classes of `benchmarks/data/oulad` as class data, with or without their lessons.

The opening of a page stands in for an ungraded lesson: started and completed at once, without a grade. It is
not quite a completed lesson. For the source of the data see ATTRIBUTION.md in the folder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cohort_core.metrics.cohort import Cohort, build
from cohort_core.store.class_data import ClassData, empty

FOLDER = Path(__file__).parent / "data" / "oulad"
LOST = ("Fail", "Withdrawn")
START = pd.Timestamp("2013-01-01")
LESSON = "lesson-"
"""The ids of lessons begin with this."""


@dataclass(frozen=True)
class Course:
    """A class with the results of its students.

    lost: by student id, True if the final result is Fail or Withdrawn. left_on: by student id, the day on
    which they unregistered, NaN if they did not.
    """

    class_data: ClassData
    lost: pd.Series[Any]
    left_on: pd.Series[Any]

    def on_day(self, day: int) -> Cohort:
        """Return the class as it was that many days after its start."""
        return build(self.class_data, (START + pd.Timedelta(days=day)).tz_localize("UTC"))

    def of(self, student_ids: np.ndarray) -> Course:
        """Return the class as if it had these students alone."""
        data = self.class_data
        return replace(
            self,
            class_data=replace(
                data,
                students=data.students[data.students["student_id"].isin(student_ids)],
                progressions=data.progressions[data.progressions["student_id"].isin(student_ids)],
            ),
        )


def load(folder: Path = FOLDER, *, with_lessons: bool = False) -> list[Course]:
    """Load the nine classes."""
    done, people, tasks = (_read(folder, name) for name in ("progressions", "students", "assignments"))
    courses = []
    for class_id, enrolled in people.groupby("class_id"):
        rows, work = done[done["class_id"] == class_id], tasks[tasks["class_id"] == class_id]
        text = pd.Series(None, index=enrolled.index, dtype="str")
        students = pd.DataFrame(
            {
                "student_id": enrolled["student_id"],
                **dict.fromkeys(("first_name", "last_name", "email", "night", "region"), text),
                "enrolled_on": _on(enrolled["registered_day"]),
                "withdrawn_on": _on(enrolled["unregistered_day"]),
            }
        )
        rows = rows[["student_id", "assignment_id", "grade", "completed_day"]]
        work = work[["assignment_id", "type"]]
        if with_lessons:
            lessons = _openings(folder)
            lessons = lessons[lessons["class_id"] == class_id]
            rows = pd.concat([rows, lessons.drop(columns="class_id")], ignore_index=True)
            pages = pd.DataFrame({"assignment_id": sorted(set(lessons["assignment_id"])), "type": "lesson"})
            work = pd.concat([work, pages], ignore_index=True)
        by_student = enrolled.set_index("student_id")
        courses.append(
            Course(
                _class_data(str(class_id), students, work, rows),
                lost=by_student["final_result"].isin(LOST),
                left_on=by_student["unregistered_day"],
            )
        )
    return courses


def _read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv.gz", dtype={"student_id": "str", "assignment_id": "str"})


@cache
def _openings(folder: Path) -> pd.DataFrame:
    """Load who opened which page when, one row a student and page."""
    frame = pd.read_csv(folder / "lesson_openings.csv.gz", dtype="str")
    times = frame["student_ids"].str.count(" ").to_numpy() + 1
    return pd.DataFrame(
        {
            "class_id": np.repeat(frame["class_id"].to_numpy(), times),
            "student_id": " ".join(frame["student_ids"]).split(" "),
            "assignment_id": np.repeat((LESSON + frame["page_id"]).to_numpy(), times),
            "grade": np.nan,
            "completed_day": np.repeat(frame["day"].astype(int).to_numpy(), times),
        }
    )


def _class_data(class_id: str, students: pd.DataFrame, work: pd.DataFrame, rows: pd.DataFrame) -> ClassData:
    instant = _on(rows["completed_day"]).dt.tz_localize("UTC")
    none = pd.Series(pd.NaT, index=rows.index, dtype=instant.dtype)
    return replace(
        empty(class_id),
        starts_on=date(START.year, START.month, START.day),
        students=students,
        assignments=work.assign(name=work["assignment_id"], section=None, position=np.arange(len(work))),
        progressions=pd.DataFrame(
            {
                "id": rows.index.astype("str"),
                **{name: rows[name] for name in ("student_id", "assignment_id", "grade")},
                "started_at": none,
                "completed_at": instant,
                "reviewed_at": none,
                "synced_at": none,
            }
        ),
    )


def _on(day: pd.Series[Any]) -> pd.Series[Any]:
    return (START + pd.to_timedelta(day, unit="D")).dt.as_unit("us")
