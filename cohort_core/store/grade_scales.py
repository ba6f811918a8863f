"""The scale of an assignment's grades, decided by all its records in a class.

OpenClass sends a bare number: 0.9 may be a share, 1.05 a share with a bonus, 85 a percentage. One number
alone cannot tell, so the assignment decides: a later record may change its scale, and nothing stored changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHARE, WITH_BONUS, PERCENT, UNCLEAR = "share", "share_with_bonus", "percent", "unclear"
UNCLEAR_PERCENT = "unclear_percent"
"""Unclear, and most of its grades are percentages; of UNCLEAR most are shares."""

MAX_SHARE = 1.001
"""Sums such as 0.1 + 0.2 + 0.7 may lie a little above 1."""
MAX_BONUS = 2.0
MAX_MINORITY = 0.2


def decide_scales(codes: NDArray[np.intp], n: int, raw: Floats) -> NDArray[np.object_]:
    """Return the scale of each of n assignments.

    `codes` are the places of the assignments of records, `raw` their grades as they were sent, NaN for none.
    """
    scales = np.full(n, SHARE, dtype=object)
    if not (raw > MAX_SHARE).any():
        return scales
    graded = ~np.isnan(raw)
    codes, values = codes[graded], raw[graded]
    count, above, zero = (
        np.bincount(codes[chosen], minlength=n)
        for chosen in (np.full(len(values), True), values > MAX_SHARE, values == 0)
    )
    largest = np.zeros(n)
    np.maximum.at(largest, codes, values)
    # A 0 is 0 on every scale, so it says nothing about percentages.
    small = count - above - zero
    has_bonus = (largest <= MAX_BONUS) & (above <= MAX_MINORITY * count)
    is_percent = small < MAX_MINORITY * (above + small)
    most_are_percent = (above > small) | ((above == small) & (largest > MAX_BONUS))
    choices = ((UNCLEAR_PERCENT, most_are_percent), (PERCENT, is_percent), (WITH_BONUS, has_bonus))
    scales[:] = UNCLEAR
    for scale, holds in (*choices, (SHARE, above == 0)):
        scales[holds] = scale
    return scales


def to_shares(raw: Floats, scales: NDArray[np.object_], codes: NDArray[np.intp]) -> Floats:
    """Convert the grades of records as they were sent to shares.

    `codes` are the places of their assignments in `scales`. A share is 0 to 1, with a bonus up to 2, and NaN
    where the grade does not fit the scale.
    """
    shares = np.where(raw <= MAX_SHARE, np.minimum(raw, 1.0), np.nan)
    for code in np.flatnonzero(scales != SHARE):
        here = codes == code
        shares[here] = _to_share(raw[here], scales[code])
    return shares


def _to_share(raw: Floats, scale: str) -> Floats:
    is_small = raw <= MAX_SHARE
    if scale == WITH_BONUS:
        return np.where(raw <= MAX_BONUS, raw, np.nan)
    if scale == PERCENT:
        return raw / 100
    if scale == UNCLEAR_PERCENT:
        return np.where(is_small & (raw != 0), np.nan, raw / 100)
    return np.where(is_small, np.minimum(raw, 1.0), np.nan)
