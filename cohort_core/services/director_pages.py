"""The director's page: the figures of a class now and at the page before.

A line of the audit says when a page was made, and of which instant. So the next one begins there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from cohort_core.metrics.cohort import Cohort
    from cohort_core.reports.report import Report

ACTION = "director's page"
FIRST_DAYS = 28
"""How far the first page of a class looks back."""


@dataclass(frozen=True)
class DirectorPage:
    """Everything that the page says."""

    before: Cohort
    after: Cohort
    figures: Report
    changes: Report
    contacts: pd.DataFrame
    """A frame as in `metrics.outcomes`."""
    is_first: bool
    """No page was made before, so it looks back 28 days."""


def describe(cohort: Cohort) -> str:
    """Return the detail of the audit line about a page."""
    return f"{_subject(cohort)}, as of {cohort.as_of.isoformat()}"


def find_last(details: Iterable[str], cohort: Cohort) -> pd.Timestamp | None:
    """Return the instant of the latest page of an earlier day, or None.

    `details` are those of the audit. A page that is made twice on one day begins at the same instant.
    """
    import pandas as pd

    begin = f"{_subject(cohort)}, as of "
    moments = [pd.Timestamp(detail.removeprefix(begin)) for detail in details if detail.startswith(begin)]
    earlier = [at for at in moments if at.tz_convert(cohort.tz).date() < cohort.local_date]
    return max(earlier, default=None)


def first_since(cohort: Cohort) -> pd.Timestamp:
    """Return where the first page begins."""
    return cohort.as_of - timedelta(days=FIRST_DAYS)


def _subject(cohort: Cohort) -> str:
    # The group is in quotation marks, since its name is a mentor's own word.
    return f"class {cohort.class_data.class_id}" + (f", group {cohort.group!r}" if cohort.group else "")
