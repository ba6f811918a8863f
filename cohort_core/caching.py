"""Answers that are computed once, however many ask for them at a time."""

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
    compute: Callable[..., Value], most: int, *, by_revision: bool = False
) -> Callable[..., Value]:
    """Remembers the last results; who asks for one that is being computed waits for it.

    ``by_revision``: what is asked begins with a class and its revision. What was made of an earlier revision
    goes when something of a later one comes: after a sync nobody asks for it any more, and it is large.
    """
    remembered: OrderedDict[tuple[Any, ...], Value] = OrderedDict()
    guard = threading.Lock()
    locks: dict[Hashable, tuple[threading.Lock, int]] = {}

    def keep(key: tuple[Any, ...], value: Value) -> None:
        if by_revision:
            class_id, revision = key[:2]
            for old in [one for one in remembered if one[0] == class_id and one[1] < revision]:
                del remembered[old]
        remembered[key] = value
        while len(remembered) > most:
            remembered.popitem(last=False)

    def get(*key: Any) -> Value:
        with guard:
            if key in remembered:
                remembered.move_to_end(key)
                return remembered[key]
            lock, waiting = locks.get(key, (threading.Lock(), 0))
            locks[key] = lock, waiting + 1
        try:
            with lock:
                with guard:
                    if key in remembered:
                        return remembered[key]
                value = compute(*key)
                with guard:
                    keep(key, value)
                return value
        finally:
            with guard:
                # The lock stays for as long as somebody waits for it, also after a computation that failed.
                lock, waiting = locks.pop(key)
                if waiting > 1:
                    locks[key] = lock, waiting - 1

    return get


def cached_on(answer: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """An answer that each cohort, or the facts of a class, give once and then know, since they never change.

    Frames are handed out as copies, which cost nothing until somebody writes into one; arrays are as shared
    as those of the cohort itself.
    """
    import pandas as pd

    @wraps(answer)
    def known(subject: S, *args: P.args, **kwargs: P.kwargs) -> T:
        answers = vars(subject).setdefault("_answers", {})
        key = (answer, args, tuple(kwargs.items()))
        if key not in answers:
            answers[key] = answer(subject, *args, **kwargs)
        found: T = answers[key]
        return cast(T, found.copy(deep=False)) if isinstance(found, pd.DataFrame) else found

    return known
