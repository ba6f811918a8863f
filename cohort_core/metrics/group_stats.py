"""Counts, sums, means and quantiles by group, in plain numpy.

Groups are numbered 0 to n-1; `codes` holds the group of each value, and every result has n entries. A group
without values gets 0 from a count or a total, and NaN or NaT from everything else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]


def count(codes: Codes, n: int) -> NDArray[np.int64]:
    """Count the values of each group."""
    return np.bincount(codes, minlength=n).astype(np.int64)


def total(codes: Codes, n: int, values: Floats) -> Floats:
    """Add up the values of each group."""
    return np.bincount(codes, weights=values, minlength=n).astype(np.float64)


def mean(codes: Codes, n: int, values: Floats) -> Floats:
    """Take the mean of each group, without the values that are NaN."""
    present = ~np.isnan(values)
    return ratio(total(codes[present], n, values[present]), count(codes[present], n))


def latest(codes: Codes, n: int, moments: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Return the last instant of each group, NaT for none."""
    # As an integer NaT is the smallest there is, so it loses against every instant.
    result = np.full(n, np.iinfo(np.int64).min)
    np.maximum.at(result, codes, moments.view("i8"))
    return result.view(moments.dtype)


def order(codes: Codes, n: int, values: NDArray[Any]) -> NDArray[np.intp]:
    """Sort rows by group and, within each group, by value.

    Returns the row numbers in that order. Of equal values any may come first.
    """
    # Few groups fit into few bits, which numpy sorts in linear time; short runs of values stay in the cache.
    ordered = np.argsort(codes.astype(np.min_scalar_type(n)), kind="stable")
    grouped_values = values[ordered]
    first = 0
    for end in np.cumsum(count(codes, n)):
        ordered[first:end] = ordered[first:end][np.argsort(grouped_values[first:end])]
        first = end
    return ordered


def quantiles(codes: Codes, n: int, values: Floats, shares: tuple[float, ...]) -> list[Floats]:
    """Return the quantiles of each group, one array for each share.

    A quantile between two values is interpolated linearly, as numpy.quantile does by default (type 7 of
    Hyndman and Fan, "Sample quantiles in statistical packages", 1996).
    """
    ordered = values[order(codes, n, values)]
    size = count(codes, n)
    first = np.cumsum(size) - size
    results = []
    for share in shares:
        place = first + np.maximum(size - 1, 0) * share
        below = np.floor(place).astype(np.intp)
        above = np.ceil(place).astype(np.intp)
        result = np.full(n, np.nan)
        some = size > 0
        low, high = ordered[below[some]], ordered[above[some]]
        result[some] = low + (high - low) * (place - below)[some]
        results.append(result)
    return results


def ratio(numerator: NDArray[np.generic], denominator: NDArray[np.generic]) -> Floats:
    """Divide the numerator by the denominator; NaN where that is not above 0."""
    bottom = denominator.astype(np.float64)
    quotient = np.full(len(bottom), np.nan)
    np.divide(numerator, bottom, out=quotient, where=bottom > 0)
    return quotient
