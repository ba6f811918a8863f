"""Results that are computed once for all callers that ask at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

Value = TypeVar("Value")
P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def single_flight(
    compute: Callable[..., Value], max_entries: int, *, by_revision: bool = False
) -> Callable[..., Value]:
    """Keep the last results, and let callers wait for one that is being computed.

    A failure reaches all callers that wait, and is not kept. ``by_revision``: a key begins with a class
    and its revision, and a later revision drops the results of earlier ones, which are large.
    """
    results: OrderedDict[tuple[Any, ...], Future[Value]] = OrderedDict()
    lock = threading.Lock()

    def get(*key: Any) -> Value:
        with lock:
            result = results.get(key)
            if result is not None:
                results.move_to_end(key)
            else:
                if by_revision:
                    for old in [old for old in results if old[0] == key[0] and old[1] < key[1]]:
                        del results[old]
                own = results[key] = Future()
                while len(results) > max_entries:
                    results.popitem(last=False)
        if result is not None:
            return result.result()
        try:
            own.set_result(compute(*key))
        except BaseException as error:
            with lock:
                if results.get(key) is own:
                    del results[key]
            own.set_exception(error)
            raise
        return own.result()

    return get


def cached_on(function: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Keep each result on the cohort or the class data that it was made of.

    Neither of the two ever changes. Frames are returned as copies, which cost nothing until a caller writes
    into one; arrays are shared.
    """
    import pandas as pd

    @wraps(function)
    def get(subject: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        results = vars(subject).setdefault("_results", {})
        key = (function, args, tuple(kwargs.items()))
        if key not in results:
            results[key] = function(subject, *args, **kwargs)
        result: T = results[key]
        return cast(T, result.copy(deep=False)) if isinstance(result, pd.DataFrame) else result

    return get
