"""Sums, means and quantiles by group in plain numpy, where groups are numbered 0 to n-1.

A group without values gets 0 from a count and NaN from everything else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]


def count(codes: Codes, n: int) -> NDArray[np.int64]:
    return np.bincount(codes, minlength=n).astype(np.int64)


def total(codes: Codes, n: int, values: Floats) -> Floats:
    return np.bincount(codes, weights=values, minlength=n).astype(np.float64)


def mean(codes: Codes, n: int, values: Floats) -> Floats:
    """Mean of the values that are known."""
    known = ~np.isnan(values)
    return ratio(total(codes[known], n, values[known]), count(codes[known], n))


def latest(codes: Codes, n: int, moments: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """The last known instant of each group, NaT for none: NaT is the smallest integer there is."""
    result = np.full(n, np.iinfo(np.int64).min)
    np.maximum.at(result, codes, moments.view("i8"))
    return result.view(moments.dtype)


def order(codes: Codes, n: int, values: NDArray[Any]) -> NDArray[np.intp]:
    """The order of rows by group and, within each, by value; of equal values any may come first."""
    # Few groups fit into few bits, which numpy sorts in linear time; short runs of values stay in the cache.
    ordered = np.argsort(codes.astype(np.min_scalar_type(n)), kind="stable")
    grouped_values = values[ordered]
    first = 0
    for end in np.cumsum(count(codes, n)):
        ordered[first:end] = ordered[first:end][np.argsort(grouped_values[first:end])]
        first = end
    return ordered


def quantiles(codes: Codes, n: int, values: Floats, shares: tuple[float, ...]) -> list[Floats]:
    """For each share the quantile of each group, by linear interpolation."""
    ordered = values[order(codes, n, values)]
    size = count(codes, n)
    first = np.cumsum(size) - size
    found = []
    for share in shares:
        place = first + np.maximum(size - 1, 0) * share
        below = np.floor(place).astype(np.intp)
        above = np.ceil(place).astype(np.intp)
        result = np.full(n, np.nan)
        some = size > 0
        low, high = ordered[below[some]], ordered[above[some]]
        result[some] = low + (high - low) * (place - below)[some]
        found.append(result)
    return found


def ratio(numerator: NDArray[np.generic], denominator: NDArray[np.generic]) -> Floats:
    """Numerator / denominator; NaN, not an error, where there is nothing to divide by."""
    bottom = denominator.astype(np.float64)
    return np.divide(numerator, bottom, out=np.full(len(bottom), np.nan), where=bottom > 0)
