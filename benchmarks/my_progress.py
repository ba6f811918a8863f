"""Measure how long a mentor's click takes while 200 students open their own page at once.

Run it alone: `python -m benchmarks.my_progress`. It serves the practice school on a free port. The students
are another process, which asks over one connection each, all at the same moment, again and again. The
mentor's page is the Overview, asked over its WebSocket as a browser does.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from multiprocessing import Event, Process, Queue
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.signed_in import open_tab, run_page, served
from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.config.settings import save_settings
from cohort_core.services.student_pages import StudentPages
from cohort_core.services.workspace import Workspace
from cohort_core.store import classes
from cohort_core.store.student_links import StudentKey

STUDENTS, CLICKS = 200, 30
LIMIT = 1.5


async def ask(port: int, request: bytes) -> tuple[float, int]:
    """Return the seconds until a page is complete, and its bytes."""
    since = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read(-1)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer[:80]
    return time.perf_counter() - since, len(answer)


async def round_of(port: int, requests: list[bytes]) -> list[tuple[float, int]]:
    return await asyncio.gather(*(ask(port, request) for request in requests))


def students(port: int, requests: list[bytes], stop: Any, results: Any) -> None:
    """Ask all pages at once, round after round, until `stop` is set."""
    while not stop.is_set():
        results.put(asyncio.run(round_of(port, requests)))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        workspace = Workspace(home)
        listed = workspace.use_practice_school(asked_by="benchmark")
        chosen = [item.id for item in listed if not item.name.startswith("Open University")]
        classes.set_active(workspace.database, chosen, active=True)
        workspace.prepare_sync(asked_by="benchmark").run()
        save_settings(home, student_page=True, practice=None)
        keys = [
            StudentKey(class_id, student_id)
            for class_id in chosen
            for student_id in workspace.cohorts.cohort(class_id).students.index
        ]
        pages = StudentPages(lambda: workspace)
        requests = []
        for number in range(STUDENTS):
            secret = pages.open_for(keys[number % len(keys)]).secret
            head = f"GET /my-progress HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: cohort-student={secret}\r\n"
            requests.append(f"{head}Connection: close\r\n\r\n".encode())
        workspace.stop()
        with served(home) as (url, _), open_tab(url, "") as tab:
            port = urlsplit(url).port or 0
            asyncio.run(round_of(port, requests[:5]))
            run_page(tab)
            alone = [run_page(tab) for _ in range(CLICKS)]
            stop = Event()
            results: Queue[Any] = Queue()
            crowd = Process(target=students, args=(port, requests, stop, results))
            crowd.start()
            rounds = [results.get()]
            among = [run_page(tab) for _ in range(CLICKS)]
            stop.set()
            while crowd.is_alive() or not results.empty():
                if not results.empty():
                    rounds.append(results.get())
                time.sleep(0.01)
    waits = sorted(seconds for answers in rounds for seconds, _ in answers)
    size = statistics.median(size for answers in rounds for _, size in answers)
    factor = statistics.median(among) / statistics.median(alone)
    print(f"{utc_now():%Y-%m-%d}, {len(keys)} students of {len(chosen)} classes, {len(rounds)} rounds")
    print(f"mentor's click alone              {statistics.median(alone):6.0f} ms")
    among_ms = statistics.median(among)
    print(f"mentor's click among {STUDENTS} students {among_ms:6.0f} ms   {factor:.2f} x (limit {LIMIT})")
    print(f"a student's page, median          {1000 * waits[len(waits) // 2]:6.0f} ms, {size / 1000:.0f} kB")
    print(f"the last of {STUDENTS} at once           {1000 * max(waits):6.0f} ms")


if __name__ == "__main__":
    main()
