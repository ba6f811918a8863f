"""Contacts as metrics take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from cohort_core.metrics.triage import ClassTriage
    from cohort_core.store.contacts import Contact


def contact_frame(contacts: Sequence[Contact]) -> pd.DataFrame:
    """Return contacts as a frame with the columns of `metrics.outcomes.CONTACT_COLUMNS`."""
    import pandas as pd

    from cohort_core.metrics.outcomes import CONTACT_COLUMNS

    columns = {
        "contact_id": [item.id for item in contacts],
        "at": pd.to_datetime([item.at for item in contacts], utc=True, format="ISO8601"),
    }
    for name in ("student_id", "channel", "kind", "assignment_id"):
        columns[name] = [getattr(item, name) for item in contacts]
    return pd.DataFrame(
        {name: pd.Series(columns[name], dtype=dtype) for name, dtype in CONTACT_COLUMNS.items()}
    )


def last_contacts(parts: Sequence[ClassTriage], contacts: Sequence[Contact]) -> dict[str, pd.Timestamp]:
    """Return the last contact with each student of these classes, by id.

    `contacts` are the newest first, with the ids of `parts`. Seen from an earlier instant than the last
    sync, those after it are left out.
    """
    from cohort_core.timeutils import parse_as_of

    by_class = {part.class_id: part for part in parts}
    last: dict[str, pd.Timestamp] = {}
    for contact in contacts:
        part = by_class.get(contact.class_id)
        if part is None or contact.student_id in last:
            continue
        at = parse_as_of(contact.at, "UTC")
        is_latest = part.synced_at is not None and part.as_of >= part.synced_at
        if is_latest or at <= part.as_of:
            last[contact.student_id] = at
    return last
