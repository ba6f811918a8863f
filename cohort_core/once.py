"""Answers that are computed once, however many ask for them at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")


def computed_once(
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
