"""Counts of a finished class: the students of each band and those lost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from math import ceil
from zoneinfo import ZoneInfo

import pandas as pd

from cohort_core.metrics.cohort import build
from cohort_core.metrics.risk import risk
from cohort_core.store.class_data import ClassData
from cohort_core.timeutils import resolve

QUARTERS = 4


def first_day(class_data: ClassData) -> date | None:
    """Return the local day on which a class began.

    Until something has happened in it, it is the day that the calendar says, or None.
    """
    if class_data.synced_at is None:
        return class_data.starts_on
    starts_at = build(class_data, class_data.synced_at).starts_at
    return None if starts_at is None else starts_at.tz_convert(ZoneInfo(class_data.timezone)).date()


def band_counts(class_data: ClassData, lost: Collection[str], closed_on: date) -> pd.DataFrame:
    """Count the students of each band, and those lost, by quarter of the course.

    A quarter is counted on its last day, without the students who had withdrawn by then. `lost` are the ids
    of the students who were lost. The course goes from the class's start to its last activity, or to
    `closed_on` if that is earlier. The bands are those of the default thresholds, which were tested. Returns
    one row a quarter and band that has students: quarter (1 to 4), band, students, lost. Without activity
    there are no rows.
    """
    tz = ZoneInfo(class_data.timezone)
    until = _seen_by(class_data, closed_on, tz)
    starts_at = build(class_data, until).starts_at
    times = pd.concat([class_data.progressions[name] for name in ("started_at", "completed_at")])
    times = times[(times <= until).to_numpy()]
    rows: list[tuple[int, str, int, int]] = []
    if starts_at is not None and len(times):
        first, last = starts_at.tz_convert(tz).date(), times.max().tz_convert(tz).date()
        length = max((last - first).days + 1, 1)
        for quarter in range(1, QUARTERS + 1):
            day = first + timedelta(days=ceil(length * quarter / QUARTERS) - 1)
            bands = risk(build(class_data, _seen_by(class_data, day, tz)))["band"]
            is_lost = bands.index.isin(list(lost))
            for band in sorted(bands.unique()):
                is_in = (bands == band).to_numpy()
                rows.append((quarter, band, int(is_in.sum()), int((is_in & is_lost).sum())))
    return pd.DataFrame(rows, columns=["quarter", "band", "students", "lost"])


def _seen_by(class_data: ClassData, day: date, tz: ZoneInfo) -> pd.Timestamp:
    """Return the end of a local day, or the last sync if that was earlier."""
    end = resolve(day, tz)
    return end if class_data.synced_at is None else min(end, class_data.synced_at)
