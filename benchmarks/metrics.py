"""Measure the time and memory that the metrics of a class take, for three sizes of class.

    python benchmarks/metrics.py [--records 4000 100000 1000000]

For each report it prints the best time of several runs and the peak of allocated memory. Some reports can
also be made by a single SQL query: beside them stands the time of that query on the same rows in SQLite (in
memory, with the indexes of the store). Both must give the same numbers, or the run fails.
"""

from __future__ import annotations

import argparse
import math
import sqlite3
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from cohort_core.metrics.cohort import Cohort, build
from cohort_core.reports import catalog
from cohort_core.reports.report import Report
from cohort_core.store.class_data import ClassData, empty

OVERVIEW = ("progress_summary", "student_health", "progress_over_time", "cohort_alarm", "reteach")
OF_CLASS = (
    *("progress_summary", "completion", "blockers", "student_health", "progress_over_time"),
    *("time_to_complete", "stuck", "reteach", "activity", "engagement_gap", "velocity", "cohort_alarm"),
    *("pace", "forecast", "grade_distribution", "by_type", "by_section", "by_group", "by_weekday", "by_hour"),
    *("habits", "by_course_week", "matrix"),
)
WEEKS = 26
START = pd.Timestamp("2025-01-06")
MIN_RUNS = 3
MIN_SECONDS = 0.5
"""A time is the best of at least so many runs, and of as many as fit into these seconds."""


def school(records: int) -> ClassData:
    """Make a class of about so many records: three in four completed, some twice, half of them graded."""
    chance = np.random.default_rng(records)
    assignments = {4_000: 50, 100_000: 100, 1_000_000: 200}.get(records, max(int(records**0.5 / 4), 1))
    students = max(records // assignments, 1)
    student, assignment = (axis.ravel() for axis in np.meshgrid(np.arange(students), np.arange(assignments)))
    again = chance.random(len(student)) < 0.03
    student, assignment = np.append(student, student[again]), np.append(assignment, assignment[again])
    chosen = chance.permutation(len(student))[:records]
    student, assignment = student[chosen], assignment[chosen]
    n = len(chosen)
    pace = chance.uniform(0.4, 1.4, students)[student]
    started = (assignment / assignments * WEEKS * 7 * pace + chance.exponential(2, n)) * 86_400_000
    took = np.where(chance.random(n) < 0.1, 0, chance.exponential(3, n)) * 86_400_000
    done = chance.random(n) < 0.75
    start = START.as_unit("ms").to_datetime64()
    started_at = start + started.astype("timedelta64[ms]")
    completed_at = np.where(done, started_at + took.astype("timedelta64[ms]"), np.datetime64("NaT"))
    grade = np.where(done & (chance.random(n) < 0.5), chance.integers(0, 101, n) / 100, np.nan)

    def instants(values: Any) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(values).as_unit("us").tz_localize("UTC")

    names = [f"a{number:04d}" for number in range(assignments)]
    people = [f"s{number:06d}" for number in range(students)]
    types = pd.Series(np.array(["lesson", "quiz"])[np.arange(assignments) % 2], dtype="str")
    nights = pd.Series(np.array(["Tuesday", "Thursday"])[np.arange(students) % 2], dtype="str")
    none = pd.Series([None] * students, dtype="str")
    return ClassData(
        **{
            **vars(empty("c1")),
            "synced_at": (START + pd.Timedelta(weeks=WEEKS)).tz_localize("UTC"),
            "students": pd.DataFrame(
                {
                    "student_id": pd.Series(people, dtype="str"),
                    "first_name": pd.Series(people, dtype="str"),
                    "last_name": none,
                    "email": none,
                    "night": nights,
                    "region": none,
                    "enrolled_on": pd.Series(pd.NaT, range(students), dtype="datetime64[us]"),
                    "withdrawn_on": pd.Series(pd.NaT, range(students), dtype="datetime64[us]"),
                }
            ),
            "assignments": pd.DataFrame(
                {
                    "assignment_id": pd.Series(names, dtype="str"),
                    "name": pd.Series(names, dtype="str"),
                    "type": types,
                    "section": pd.Series(
                        [f"Unit {number // 10}" for number in range(assignments)], dtype="str"
                    ),
                    "position": np.arange(assignments),
                }
            ),
            "progressions": pd.DataFrame(
                {
                    "id": pd.Series(np.arange(n).astype(str), dtype="str"),
                    "student_id": pd.Series(np.array(people)[student], dtype="str"),
                    "assignment_id": pd.Series(np.array(names)[assignment], dtype="str"),
                    "grade": grade,
                    "started_at": instants(started_at),
                    "completed_at": instants(completed_at),
                    "reviewed_at": instants(np.full(n, np.datetime64("NaT", "us"))),
                    "synced_at": instants(np.full(n, np.datetime64("2025-07-07", "us"))),
                }
            ),
        }
    )


def database(class_data: ClassData) -> sqlite3.Connection:
    """Return a database in memory with the rows of the class."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        """
        CREATE TABLE students (student_id TEXT PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE assignments (assignment_id TEXT PRIMARY KEY, type TEXT, section TEXT, position INTEGER)
          WITHOUT ROWID;
        CREATE TABLE progressions (
          id TEXT PRIMARY KEY, student_id TEXT, assignment_id TEXT, grade REAL, started_at TEXT,
          completed_at TEXT
        ) WITHOUT ROWID;
        """
    )
    rows = class_data.progressions
    texts = [rows[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%f") for name in ("started_at", "completed_at")]
    columns = [rows[name] for name in ("id", "student_id", "assignment_id", "grade")] + texts
    values = zip(*(column.astype("object").where(column.notna(), None) for column in columns), strict=True)
    connection.executemany("INSERT INTO progressions VALUES (?, ?, ?, ?, ?, ?)", values)
    connection.executemany(
        "INSERT INTO students VALUES (?)", class_data.students[["student_id"]].to_numpy().tolist()
    )
    connection.executemany(
        "INSERT INTO assignments VALUES (?, ?, ?, ?)",
        class_data.assignments[["assignment_id", "type", "section", "position"]].to_numpy().tolist(),
    )
    connection.execute("CREATE INDEX of_student ON progressions (student_id, assignment_id)")
    connection.execute("ANALYZE")
    return connection


RECORDS = """
WITH visible AS (
  SELECT student_id, assignment_id,
    CASE WHEN completed_at <= :as_of THEN grade END AS grade,
    CASE WHEN started_at <= :as_of THEN started_at END AS started_at,
    CASE WHEN completed_at <= :as_of THEN completed_at END AS completed_at
  FROM progressions WHERE started_at <= :as_of OR completed_at <= :as_of
), graded AS (
  SELECT student_id, assignment_id, max(completed_at), grade FROM visible WHERE grade IS NOT NULL
  GROUP BY 1, 2
), attempts AS (
  SELECT student_id, assignment_id, min(started_at) AS started_at, min(completed_at) AS completed_at
  FROM visible GROUP BY 1, 2
), records AS (
  SELECT attempts.*, graded.grade FROM attempts LEFT JOIN graded USING (student_id, assignment_id)
)
"""
QUERIES = {
    "progress_summary": """
        , done AS (
          SELECT student_id, count(completed_at) AS completed, count(*) AS begun,
            max(max(coalesce(started_at, ''), coalesce(completed_at, ''))) AS seen
          FROM records GROUP BY 1
        ), whole AS (SELECT count(*) AS total FROM assignments)
        SELECT count(*) AS total_students, avg(coalesce(completed, 0) * 1.0 / total) AS avg_completion,
          sum(coalesce(completed, 0) = total) AS completed_count,
          sum(coalesce(begun, 0) > 0 AND completed < total) AS in_progress_count,
          sum(begun IS NULL) AS not_started_count,
          sum(coalesce(seen, '') > :week_before) AS active_this_week_count
        FROM whole, students LEFT JOIN done USING (student_id)""",
    "completion": """
        SELECT count(*) AS total_assignments, sum(n = 0) AS assignments_with_0_completions,
          avg(n) AS avg_students_per_assignment
        FROM (
          SELECT count(completed_at) AS n FROM assignments LEFT JOIN records USING (assignment_id)
          GROUP BY assignments.assignment_id
        )""",
    "progress_over_time": """
        , events AS (
          SELECT date(started_at, 'weekday 0', '-6 days') AS week, 1 AS opened, 0 AS completed, student_id
          FROM records WHERE started_at IS NOT NULL
          UNION ALL
          SELECT date(completed_at, 'weekday 0', '-6 days'),
            CASE WHEN started_at IS NULL THEN 0 ELSE -1 END, 1, student_id
          FROM records WHERE completed_at IS NOT NULL
        )
        SELECT week, sum(sum(completed)) OVER (ORDER BY week) AS completed,
          sum(sum(opened)) OVER (ORDER BY week) AS in_progress, sum(completed) AS completed_in_week,
          count(DISTINCT student_id) AS active_students
        FROM events GROUP BY week ORDER BY week""",
    "grade_distribution": """
        SELECT CASE WHEN grade < 0.5 THEN 0 WHEN grade < 0.6 THEN 1 WHEN grade < 0.7 THEN 2
          WHEN grade < 0.8 THEN 3 WHEN grade < 0.9 THEN 4 ELSE 5 END AS bucket, count(*) AS count
        FROM records WHERE grade IS NOT NULL GROUP BY 1 ORDER BY 1""",
    "by_type": """
        SELECT type, count(completed_at) AS completed, sum(completed_at IS NULL) AS in_progress,
          count(grade) AS graded, avg(grade) AS avg_grade
        FROM records JOIN assignments USING (assignment_id) GROUP BY type ORDER BY min(position)""",
    "by_section": """
        SELECT section, count(completed_at) AS completed, sum(completed_at IS NULL) AS in_progress,
          count(grade) AS graded, avg(grade) AS avg_grade
        FROM records JOIN assignments USING (assignment_id) GROUP BY section ORDER BY min(position)""",
    "by_hour": """
        SELECT CAST(strftime('%H', completed_at) AS INTEGER) AS hour, count(*) AS completed,
          count(grade) AS graded, avg(grade) AS avg_grade
        FROM records WHERE completed_at IS NOT NULL GROUP BY 1 ORDER BY 1""",
    "activity": """
        SELECT student_id, max(max(coalesce(started_at, ''), coalesce(completed_at, ''))) AS last_activity_at
        FROM records GROUP BY 1 ORDER BY 2, 1""",
}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the milliseconds of the best run, and its result."""
    best, spent, runs, result = math.inf, 0.0, 0, None
    while runs < MIN_RUNS or spent < MIN_SECONDS:
        began = time.perf_counter()
        result = work()
        took = time.perf_counter() - began
        best, spent, runs = min(best, took), spent + took, runs + 1
    return best * 1000, result


def peak(work: Callable[[], Any]) -> float:
    """Return the peak of allocated memory, in megabytes."""
    tracemalloc.start()
    work()
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return highest / 1e6


def run_query(connection: sqlite3.Connection, query: str, parameters: dict[str, str]) -> list[dict[str, Any]]:
    """Return the rows of a query as dictionaries."""
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def check_same(name: str, report: Report, rows: list[dict[str, Any]]) -> None:
    """Exit unless every field of the query equals that of the report.

    The first column of the query names the row.
    """
    records = report.records()
    key = next(iter(rows[0]))
    by_key = {row.get(key, number): row for number, row in enumerate(records)} if len(records) > 1 else {}
    for row in rows:
        record = by_key[row[key]] if by_key else records[0]
        for field, by_sql in row.items():
            ours = record.get(field, by_sql)
            same = ours == by_sql or (isinstance(ours, float) and math.isclose(ours, by_sql, rel_tol=1e-9))
            if not same and not (isinstance(ours, str) and ours.rstrip("Z") == by_sql[:23]):
                raise SystemExit(f"{name}.{field}: {ours} here, {by_sql} by SQL")


def measure(records: int) -> None:
    """Print the times of all reports for a class of so many records."""
    class_data = school(records)
    made_ms, cohort = timed(lambda: build(class_data))
    size = f"{len(class_data.progressions):,} rows, {len(cohort.records):,} records"
    size += f", {len(cohort.students):,} students, {len(cohort.assignments)} assignments"
    print(f"\n## {records:,}: {size}\n")
    print(f"{'':24}{'ms':>10}{'peak MB':>10}{'SQL ms':>10}")
    print(f"{'building the cohort':24}{made_ms:10.1f}{peak(lambda: build(class_data)):10.1f}")
    as_of = cohort.as_of.strftime("%Y-%m-%dT%H:%M:%S.%f")
    parameters = {
        "as_of": as_of,
        "week_before": (cohort.as_of - pd.Timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%S.%f"),
    }
    connection = database(class_data)
    overview = total = shared = by_sql = 0.0
    for name in OF_CLASS:
        function = catalog.REPORTS[name].function
        took, report = timed(partial(run_fresh, function, cohort))
        used = peak(partial(run_fresh, function, cohort))
        total += took
        overview += took * (name in OVERVIEW)
        line = f"{name:24}{took:10.1f}{used:10.1f}"
        if name in QUERIES:
            query = RECORDS + QUERIES[name]
            sql_ms, rows = timed(partial(run_query, connection, query, parameters))
            check_same(name, report, rows)
            line += f"{sql_ms:10.1f}"
            shared, by_sql = shared + took, by_sql + sql_ms
        print(line)
    took, _ = timed(lambda: catalog.triage([fresh(cohort)]))
    print(f"{'triage':24}{took:10.1f}")
    print(
        f"\nOverview ({', '.join(OVERVIEW)}): {overview:.1f} ms, with the cohort {overview + made_ms:.1f} ms"
    )
    print(f"All metrics: {total:.1f} ms, with the cohort {total + made_ms:.1f} ms")
    print(
        f"The {len(QUERIES)} that SQL can answer: {shared:.1f} ms, with the cohort {shared + made_ms:.1f} ms;"
    )
    print(f"by SQL, which collapses attempts in each query: {by_sql:.1f} ms")


def run_fresh(function: Callable[[Cohort], Report], cohort: Cohort) -> Report:
    """Make a report with nothing cached from an earlier run."""
    return function(fresh(cohort))


def fresh(cohort: Cohort) -> Cohort:
    """Return the same cohort with nothing cached."""
    return Cohort(**{name: getattr(cohort, name) for name in Cohort.__dataclass_fields__})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[4_000, 100_000, 1_000_000])
    for records in parser.parse_args().records:
        measure(records)


if __name__ == "__main__":
    main()
