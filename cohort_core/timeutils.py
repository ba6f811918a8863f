"""Instants, local days and spans of time, for numpy and pandas."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohort_core.errors import BadInput

Instants = NDArray[np.datetime64]
"""UTC instants in microseconds without a zone, NaT for none. Numpy computes with them fastest."""

_EPOCH = pd.Timestamp(0, tz="UTC").as_unit("us")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|z|[+ -]\d{2}:?\d{2})?"
)
_YEARS = range(1970, 2201)


def parse_as_of(text: str, tz: ZoneInfo | str, parameter: str = "as_of") -> pd.Timestamp:
    """Parse a date or time that a person or program wrote into a UTC instant.

    "2025-01-04" is the end of that day in `tz`; a time without an offset is a time in `tz`.
    Raises BadInput, which names `parameter` and says what to write instead.
    """
    return _parse(text, tz, parameter, resolve)


def parse_from(text: str, tz: ZoneInfo | str, parameter: str) -> pd.Timestamp:
    """Parse as `parse_as_of` does, but read a date as its first instant."""
    return _parse(text, tz, parameter, local_midnight)


def _parse(
    text: str, tz: ZoneInfo | str, parameter: str, resolve_day: Callable[[date, ZoneInfo], pd.Timestamp]
) -> pd.Timestamp:
    zone = ZoneInfo(tz) if isinstance(tz, str) else tz
    text = text.strip()
    try:
        if _DATE.fullmatch(text):
            return resolve_day(_plausible(date.fromisoformat(text)), zone)
        if match := _INSTANT.fullmatch(text):
            day, clock, offset = match.groups(default="")
            # A plus sign in a URL arrives as a space.
            offset = offset.upper().replace(" ", "+")
            return resolve(_plausible(datetime.fromisoformat(f"{day}T{clock}{offset}")), zone)
    except (ValueError, OverflowError):
        pass
    raise BadInput(
        f"{parameter} is not a date or time that can be used. "
        "Write a date such as 2025-01-04 or a time such as 2025-01-04T15:30:00Z.",
        parameter=parameter,
    )


def instants(column: pd.Series[Any]) -> Instants:
    """Convert a column of UTC times to numpy instants in microseconds."""
    result: Instants = column.dt.tz_convert(None).dt.as_unit("us").to_numpy()
    return result


def days(spans: NDArray[Any]) -> NDArray[np.float64]:
    """Convert spans of time to days with fractions; NaT becomes NaN."""
    result: NDArray[np.float64] = np.divide(spans, np.timedelta64(1, "D")).astype(np.float64)
    return result


def local_midnight(day: date, tz: ZoneInfo) -> pd.Timestamp:
    """Return the first instant of a local day, in UTC.

    Where a clock change skips midnight, it is the first instant after the gap.
    """
    midnight = pd.Timestamp(day).as_unit("us")
    return midnight.tz_localize(tz, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")


def resolve(moment: pd.Timestamp | datetime | date | None, tz: ZoneInfo) -> pd.Timestamp:
    """Convert a time, or the end of a date, to UTC; None becomes the epoch."""
    if moment is None:
        return _EPOCH
    if not isinstance(moment, datetime):
        return local_midnight(moment + timedelta(days=1), tz) - pd.Timedelta(1, "us")
    # Python's own zone arithmetic has a result for every wall time, also for those that a clock
    # change skips or repeats.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=tz)
    return pd.Timestamp(aware).tz_convert("UTC").as_unit("us")


def _plausible(moment: date) -> date:
    if moment.year not in _YEARS:
        raise ValueError(moment.year)
    return moment


def naive(moment: pd.Timestamp) -> np.datetime64:
    """Convert a UTC instant to numpy's form without a zone."""
    return moment.tz_convert(None).as_unit("us").to_datetime64()


def zoned(moments: Instants) -> pd.DatetimeIndex:
    """Convert numpy instants to pandas times in UTC."""
    return pd.DatetimeIndex(moments).tz_localize("UTC")
