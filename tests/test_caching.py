"""`single_flight`: concurrent calls share one computation, and some results are kept."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from cohort_core.caching import single_flight


def test_concurrent_calls_share_one_computation() -> None:
    began, may_go, calls = threading.Event(), threading.Event(), []

    def compute(key: str) -> object:
        calls.append(key)
        began.set()
        may_go.wait(10)
        return SimpleNamespace()

    get, got = single_flight(compute, 4), []
    threads = [threading.Thread(target=lambda: got.append(get("a"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    began.wait(10)
    may_go.set()
    for thread in threads:
        thread.join()
    assert (calls, len(got), len({id(result) for result in got})) == (["a"], 4, 1)
    assert get("b") is not get("a")


def test_a_later_revision_replaces_an_earlier_one() -> None:
    calls: list[tuple[str, int]] = []
    get = single_flight(lambda *key: calls.append(key), 3, by_revision=True)
    for key in [("a", 1), ("b", 1), ("a", 1), ("a", 2), ("b", 1), ("a", 2)]:
        get(*key)
    assert calls == [("a", 1), ("b", 1), ("a", 2)]
    # An earlier revision is computed again on request, and does not replace the newer one.
    for key in [("a", 1), ("a", 2), ("b", 1)]:
        get(*key)
    assert calls[3:] == [("a", 1)]
    # At most three results are kept, those that were requested last.
    for key in [("c", 1), ("a", 2), ("b", 1), ("a", 1)]:
        get(*key)
    assert calls[4:] == [("c", 1), ("a", 1)]


def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    waiting, calls = threading.Barrier(6), []

    def compute(key: str) -> object:
        calls.append(key)
        if len(calls) == 1:
            time.sleep(0.5)
            raise ValueError(key)
        return SimpleNamespace()

    get = single_flight(compute, 4)

    def ask() -> object:
        waiting.wait()
        try:
            return get("a")
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        got = [result.result() for result in [pool.submit(ask) for _ in range(6)]]
    assert (got, calls) == (["a"] * 6, ["a"])
    assert get("a") is get("a")
    assert calls == ["a", "a"]
