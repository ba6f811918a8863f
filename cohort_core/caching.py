"""Caches: results that are computed once, also when several threads ask at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

Value = TypeVar("Value")
P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def single_flight(
    compute: Callable[..., Value], max_entries: int, *, by_revision: bool = False
) -> Callable[..., Value]:
    """Cache the latest results of `compute` by its positional arguments.

    A caller whose result is being computed in another thread waits for it. A call that raises leaves nothing
    in the cache. At most `max_entries` results are kept; the least recently used goes first.

    With `by_revision` the first two arguments are a class id and its revision. A result of a new revision
    removes those of earlier ones: after a sync they are not needed any more, and they are large.
    """
    cache: OrderedDict[tuple[Any, ...], Value] = OrderedDict()
    guard = threading.Lock()
    locks: dict[Hashable, tuple[threading.Lock, int]] = {}

    def keep(key: tuple[Any, ...], value: Value) -> None:
        if by_revision:
            class_id, revision = key[:2]
            for old in [other for other in cache if other[0] == class_id and other[1] < revision]:
                del cache[old]
        cache[key] = value
        while len(cache) > max_entries:
            cache.popitem(last=False)

    def get(*key: Any) -> Value:
        with guard:
            if key in cache:
                cache.move_to_end(key)
                return cache[key]
            lock, waiting = locks.get(key, (threading.Lock(), 0))
            locks[key] = lock, waiting + 1
        try:
            with lock:
                with guard:
                    if key in cache:
                        return cache[key]
                value = compute(*key)
                with guard:
                    keep(key, value)
                return value
        finally:
            with guard:
                # The lock stays while another thread waits for it, also after a computation that failed.
                lock, waiting = locks.pop(key)
                if waiting > 1:
                    locks[key] = lock, waiting - 1

    return get


def cached_on(function: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Cache the results of a function on its first argument, which must never change.

    That is a cohort or the data of a class: the results live as long as it does. Each call returns a new
    shallow copy of a frame, which costs nothing until the caller writes into it. Arrays are shared: do not
    write into them.
    """
    import pandas as pd

    @wraps(function)
    def cached(subject: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        results = vars(subject).setdefault("_results", {})
        key = (function, args, tuple(kwargs.items()))
        if key not in results:
            results[key] = function(subject, *args, **kwargs)
        result: T = results[key]
        return cast(T, result.copy(deep=False)) if isinstance(result, pd.DataFrame) else result

    return cached
