"""Contacts as the frame that metrics take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

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
