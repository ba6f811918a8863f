"""Pure functions from a Cohort to a frame, one file a theme.

They read no clock and no database.
"""

from cohort_core.metrics import (
    activity,
    blockers,
    breakdowns,
    changes,
    completion,
    detail,
    director,
    durations,
    health,
    listings,
    matrix,
    outcomes,
    pace,
    praise,
    triage,
    velocity,
)

__all__ = [
    "activity",
    "blockers",
    "breakdowns",
    "changes",
    "completion",
    "detail",
    "director",
    "durations",
    "health",
    "listings",
    "matrix",
    "outcomes",
    "pace",
    "praise",
    "triage",
    "velocity",
]
