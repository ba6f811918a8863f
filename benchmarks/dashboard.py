"""Measure how long a mentor waits for the dashboard, in Chromium, from the click to the complete page.

    python benchmarks/dashboard.py                  both classes
    python benchmarks/dashboard.py practice         the class of the practice school with 3,781 records
    python benchmarks/dashboard.py large            2,500 students and 100,000 records

The server runs in its own process, as `serve` starts it. A page is *settled* when the requested content is
there, nothing is stale or running, every chart is drawn, and nothing has changed for SETTLE_MS. The measured
time ends with the last change, so the pause does not count. *Server* is the part from the first message to
the server until the last message from it; the rest is the browser's. *kB* is the data received. A click that
opens another page, such as a click on a row, counts as a change of page.

The first measurement is a bare page with a title, a choice and a sentence, in Streamlit's own server. No page
of the dashboard can be faster than that on the same machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

TARGETS = {"click": 0.3, "page": 1.0, "first page": 2.5}
TOLERANCE = {"practice": 1.0, "large": 2.0}
"""Factors for the targets: the large class may take twice as long."""
SETTLE_MS = 400
PAUSE_MS = 200
WAIT_MS = 20_000
START_SECONDS = 30
LARGE_STUDENTS, LARGE_ASSIGNMENTS, LARGE_RECORDS = 2_500, 50, 100_000

WATCH = """
(() => {
  const seen = {asked: 0, changed: 0, sent: 0, answered: 0, bytes: 0};
  window.__seen = seen;
  const now = () => performance.now();
  const note = (event) => {
    // The last action of a person counts: the release of a button, a key, or going back.
    seen.asked = event.timeStamp; seen.changed = 0; seen.sent = 0; seen.answered = 0; seen.bytes = 0;
  };
  for (const name of ["pointerup", "keydown", "popstate"]) addEventListener(name, note, true);
  // 200 ms after painting its cells, a table adds them to its canvas for screen readers.
  const unpainted = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest("canvas");
  const main = () => document.querySelector("[data-testid=stMain]");
  new MutationObserver((changes) => {
    const place = main();
    const isSeen = (node) => place.contains(node) ? !unpainted(node) : node.contains(place);
    // Every few seconds a timer asks for the state of a sync, which sets this mark on the whole app, of a
    // page that stands. Of an answer to a click, other changes come later than the mark or with it.
    const isMark = (change) => change.attributeName === "data-test-script-state";
    if (place && changes.some((change) => !isMark(change) && isSeen(change.target))) seen.changed = now();
  }).observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  const context = CanvasRenderingContext2D.prototype;
  for (const name of ["fillRect", "fill", "stroke", "fillText", "clearRect"]) {
    const paint = context[name];
    context[name] = function (...given) {
      seen.changed = now();
      return paint.apply(this, given);
    };
  }
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", (event) => {
        seen.answered = now();
        seen.bytes += event.data.byteLength ?? event.data.size ?? event.data.length;
      });
    }
    send(data) {
      seen.sent = seen.sent || now();
      super.send(data);
    }
  };
})()
"""

SETTLED = """
async ([ready, title, quiet, patience]) => {
  const seen = window.__seen, began = performance.now();
  const isReady = eval(ready);
  const stands = () => {
    const heading = document.querySelector("[data-testid=stMain] h1");
    const charts = [...document.querySelectorAll("[data-testid=stVegaLiteChart]")];
    return (!title || (heading && heading.textContent === title))
      && !document.querySelector("[data-stale=true]")
      && !document.querySelector("[data-testid=stSkeleton]")
      && charts.every((chart) => chart.querySelector("canvas, svg"))
      && isReady();
  };
  for (;;) {
    await new Promise((go) => setTimeout(go, 15));
    const now = performance.now();
    if (stands() && seen.changed && now - Math.max(seen.changed, seen.asked) > quiet) break;
    if (now - began > patience) {
      const stale = document.querySelectorAll("[data-stale=true]").length;
      return {failed: `ready ${isReady()}, stale ${stale}, h1 ${document.querySelector("h1")?.textContent}`};
    }
  }
  return {...seen};
}
"""


@dataclass
class Waits:
    """The times of one kind of wait, in seconds, with the part of the server and the kilobytes."""

    kind: str
    seconds: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    kilobytes: list[float] = field(default_factory=list)


class Mentor:
    """A person at a browser, with a stopwatch."""

    def __init__(self, page: Page, url: str, class_id: str) -> None:
        self.page = page
        self.url = url
        self.class_id = class_id
        self.waits: dict[str, Waits] = {}

    def open(self, name: str, kind: str | None = None) -> None:
        """Open a page by its address; with `kind`, measure the time from the start of the navigation."""
        path = f"/dashboard/{'' if name == 'overview' else name}?class={self.class_id}"
        self.open_address(path, title(name), f"{kind}: {name}", kind)

    def open_address(self, path: str, heading: str, what: str, kind: str | None) -> None:
        self.page.goto(self.url + path, wait_until="commit")
        times = self._settle(heading)
        if kind:
            self._note(what, kind, times["changed"] / 1000, times)

    def do(
        self, what: str, kind: str, act: Callable[[], Any], *, on: str | None = None, ready: str = "true"
    ) -> None:
        """Measure the time from `act`, which ends with a click or a key, to its result.

        The result is the page `on`, where the JavaScript expression `ready` must be true.
        """
        # A person does not click while the page still moves.
        self.page.wait_for_timeout(PAUSE_MS)
        self.page.evaluate("() => { window.__seen.asked = 0; window.__seen.changed = 0; }")
        act()
        times = self._settle(title(on) if on else "", ready)
        self._note(what, kind, (times["changed"] - times["asked"]) / 1000, times)

    def back(self, to: str) -> None:
        self.do(
            f"back to {to}",
            "page",
            lambda: self.page.evaluate(
                "() => { window.__seen.asked = performance.now(); window.__seen.changed = 0;"
                " window.__seen.sent = 0; window.__seen.bytes = 0; history.back(); }"
            ),
            on=to,
        )

    def go(self, name: str, kind: str | None = "page") -> None:
        link = self.sidebar.get_by_role("link", name=title(name), exact=True)
        self.do(f"to {name}", kind or "", link.click, on=name)

    @property
    def sidebar(self) -> Any:
        return self.page.get_by_test_id("stSidebar")

    @property
    def main(self) -> Any:
        return self.page.get_by_test_id("stMain")

    def _settle(self, heading: str, ready: str = "true") -> dict[str, float]:
        times = self.page.evaluate(SETTLED, [f"() => {ready}", heading, SETTLE_MS, WAIT_MS])
        if "failed" in times:
            raise SystemExit(f"{self.page.url} did not settle: {times['failed']}")
        return dict(times)

    def _note(self, what: str, kind: str, seconds: float, times: dict[str, float]) -> None:
        if not kind:
            return
        waits = self.waits.setdefault(what, Waits(kind))
        waits.seconds.append(seconds)
        waits.server.append(max(times["answered"] - times["sent"], 0) / 1000)
        waits.kilobytes.append(times["bytes"] / 1000)


def title(name: str) -> str:
    from cohort_core.dashboard.layout import PAGES

    return PAGES[name].title


def in_sidebar() -> list[str]:
    from cohort_core.dashboard.layout import PAGES

    return [page.name for page in PAGES.values() if page.in_sidebar]


# The servers and their data

BARE = """
import streamlit as st

def page():
    st.title(st.session_state.at.title)
    st.text("Chosen: " + st.radio("Choose", ["nothing", "something"], horizontal=True))

def other():
    page()

pages = [st.Page(page, title="Page", default=True), st.Page(other, title="Other")]
st.session_state.at = st.navigation(pages)
st.session_state.at.run()
"""


def prepare(which: str, home: Path) -> str:
    """Make a home with the class, synced, and return the id of the class."""
    from cohort_core.config.paths import Home
    from cohort_core.imports.roster_files import import_practice_rosters
    from cohort_core.practice.generated import PracticeSchool
    from cohort_core.practice.server import running
    from cohort_core.services.workspace import Workspace

    workspace = Workspace(Home(home))
    statuses = workspace.cohorts.statuses
    if not statuses():
        with running(PracticeSchool() if which == "practice" else large_school()) as upstream:
            workspace.connect_to_practice(upstream.url, asked_by="test")
            ids = [status.id for status in statuses() if not status.name.startswith("Open University")]
            workspace.set_active(ids, active=True)
            assert workspace.prepare_sync(asked_by="benchmark").run().state == "done"
            import_practice_rosters(workspace.database, upstream.school)
        # The measured server must not serve a practice school as well.
        from cohort_core.config.settings import save_settings

        save_settings(workspace.home, practice=False)
    active = [status for status in workspace.cohorts.statuses() if status.is_active]
    largest = max(active, key=lambda status: status.progressions)
    print(f"\n## {which}: {largest.students:,} students, {largest.progressions:,} records")
    return largest.id


def large_school() -> Any:
    """Make a school with a large class in its twentieth week.

    Most students have done most of the work; the rest is open, late or not started.
    """
    import random
    from datetime import UTC, datetime, timedelta

    from cohort_core.practice.school import MemorySchool, hex_id, progression

    chance = random.Random(LARGE_RECORDS)
    start = datetime.now(UTC) - timedelta(weeks=20)
    paces = [chance.uniform(0.5, 1.15) for _ in range(LARGE_STUDENTS)]
    pairs = [
        (student, assignment)
        for student, pace in enumerate(paces)
        for assignment in range(LARGE_ASSIGNMENTS)
        if assignment / LARGE_ASSIGNMENTS <= pace
    ]
    chosen = sorted(chance.sample(pairs, min(LARGE_RECORDS, len(pairs))))

    def text(moment: datetime) -> str:
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def row(student: int, assignment: int) -> dict[str, Any]:
        share = min(assignment / LARGE_ASSIGNMENTS / paces[student], 0.99)
        began = start + timedelta(weeks=20 * share, hours=chance.uniform(0, 20))
        is_done = chance.random() < 0.9
        return progression(
            f"{student} {assignment}",
            student=f"student {student:04}",
            assignment=f"assignment {assignment + 1:02}",
            type=("lesson", "quiz", "project")[assignment % 3],
            grade=chance.randint(40, 100) / 100 if is_done else None,
            started=text(began),
            completed=text(began + timedelta(hours=chance.expovariate(1 / 40))) if is_done else None,
        )

    school = MemorySchool()
    units = [
        {
            "name": f"Week {first // 5 + 1}",
            "assignments": [
                hex_id("assignment", f"assignment {number + 1:02}") for number in range(first, first + 5)
            ],
        }
        for first in range(0, LARGE_ASSIGNMENTS, 5)
    ]
    class_id = school.add_class("Large class", units=units, rows=(row(*pair) for pair in chosen))
    school.set_roster(
        class_id,
        [
            {
                "email": f"student {student:04}@practice.example",
                "night": ("Monday", "Tuesday", "Thursday")[student % 3],
                "region": ("North", "South")[student % 2],
                "class": "large-class",
            }
            for student in range(LARGE_STUDENTS)
        ],
    )
    return school


@contextlib.contextmanager
def served(home: Path) -> Iterator[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COHORT_")}
    environment |= {"COHORT_HOME": str(home), "PYTHONPATH": str(PROJECT)}
    with serving(["cohort_core.cli", "serve", "--port"], environment, "/health") as url:
        yield url


@contextlib.contextmanager
def served_bare(folder: Path) -> Iterator[str]:
    (folder / "bare.py").write_text(BARE)
    options = {
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    named = [f"--{name}={value}" for name, value in options.items()]
    command = ["streamlit", "run", str(folder / "bare.py"), *named, "--server.port"]
    with serving(command, {**os.environ}, "/_stcore/health") as url:
        yield url


@contextlib.contextmanager
def serving(command: list[str], environment: dict[str, str], health: str) -> Iterator[str]:
    """Run a module that serves, at a free port, and yield its URL.

    The port becomes the last argument of the command.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command, str(port)], env=environment, stdout=log, stderr=log
        )
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                    requests.get(url + health, timeout=1)
                    break
                if server.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise SystemExit(log.read())
                time.sleep(0.02)
            yield url
        finally:
            server.terminate()
            server.wait(10)


@contextlib.contextmanager
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


# The actions


def change_pages(mentor: Mentor) -> None:
    """Go from each page of the sidebar to each other page."""
    names = in_sidebar()
    mentor.open(names[0])
    for first, name in enumerate(names):
        for other in names[first + 1 :]:
            mentor.go(other)
            mentor.go(name)
        if first + 1 < len(names):
            mentor.go(names[first + 1])


def click_through(mentor: Mentor) -> None:
    """Use the dashboard as on a morning.

    Use the filters and controls of every page; go from a row, a bar and a square to a student and back.
    """
    on_overview(mentor)
    on_risk(mentor)
    on_blockers(mentor)
    on_matrix(mentor)
    in_the_sidebar(mentor)


def on_overview(mentor: Mentor) -> None:
    mentor.open("overview")
    person = mentor.main.locator("[class*='st-key-people-'] a").first
    mentor.do("a person of the triage list", "page", person.click, on="student")
    mentor.back("overview")
    this_class = mentor.main.get_by_role("radio", name="This class")
    if this_class.count():
        mentor.do("triage of this class", "click", this_class.click, ready=in_address("scope=this"))
    day = mentor.main.get_by_role("radio", name="A day")
    mentor.do("changes since a day", "click", day.click, ready=in_address("since=day"))


def on_risk(mentor: Mentor) -> None:
    mentor.open("risk")
    mentor.do(
        "a band", "click", mentor.main.get_by_role("radio", name="High").click, ready=in_address("band=high")
    )
    mentor.do(
        "every band",
        "click",
        mentor.main.get_by_role("radio", name="All").click,
        ready=not_in_address("band="),
    )
    choose(mentor, mentor.main, "Activity", "Silent for two weeks", "stage=quiet")
    choose(mentor, mentor.main, "Activity", "All", None)
    search = mentor.main.get_by_role("textbox", name="Search by name")
    search.fill("an")
    mentor.do("search by name", "click", lambda: search.press("Enter"))
    search.fill("")
    search.press("Enter")
    mentor._settle(title("risk"))
    for what, element, place in (
        ("a row", "stDataFrame", {"x": 60, "y": 52}),
        ("a bar", "stVegaLiteChart", {"x": 220, "y": 18}),
    ):
        shown = mentor.main.get_by_test_id(element).first
        shown.scroll_into_view_if_needed()
        click = partial(shown.click, position=place)
        mentor.do(f"from {what} to a student", "page", click, on="student")
        mentor.back("risk")


def on_blockers(mentor: Mentor) -> None:
    mentor.open("blockers")
    more = mentor.main.get_by_role("button", name="more assignments")
    names = mentor.main.locator("[class*='st-key-people-reteach'] [class*='st-key-stuck-']")
    before = names.count()
    shown = "document.querySelectorAll(\"[class*='st-key-people-reteach'] [class*='st-key-stuck-']\").length"
    mentor.do("more assignments", "click", more.click, ready=f"{shown} > {before}")
    name = mentor.main.locator("[class*='st-key-people-reteach'] a[href*='assignment=']").first
    mentor.do("to an assignment", "page", name.click, on="assignment")
    mentor.back("blockers")


def on_matrix(mentor: Mentor) -> None:
    mentor.open("matrix")
    for label, value in (("Name", "order=name"), ("Completed", "order=completed")):
        radio = mentor.main.get_by_role("radio", name=label)
        mentor.do("the order of the matrix", "click", radio.click, ready=in_address(value))
    squares = mentor.main.get_by_test_id("stVegaLiteChart").first
    mentor.do(
        "from a square to a student",
        "page",
        lambda: squares.click(position={"x": 300, "y": 300}),
        on="student",
    )
    mentor.back("matrix")


def in_the_sidebar(mentor: Mentor) -> None:
    for page in ("overview", "risk", "trends"):
        mentor.open(page)
        for label in ("Group", "Type of assignment"):
            what = label.split()[0].lower()
            choose(mentor, mentor.sidebar, label, 1, f"{what}=", f"{page}: a {what}")
            choose(mentor, mentor.sidebar, label, 0, None, f"{page}: every {what}")
        names = mentor.sidebar.get_by_text("Anonymous", exact=True)
        mentor.do(f"{page}: without names", "click", names.click, ready=in_address("anonymous=1"))
        mentor.do(f"{page}: with names", "click", names.click, ready=not_in_address("anonymous"))


def choose(
    mentor: Mentor, place: Any, label: str, option: str | int, query: str | None, what: str | None = None
) -> None:
    """Choose an option of a select box; the time counts from the last click, on the option."""
    box = place.get_by_role("combobox", name=label)
    if not box.count():
        return
    # The list of the previous choice may still be closing.
    mentor.page.get_by_role("option").first.wait_for(state="detached")
    box.first.click()
    options = mentor.page.get_by_role("option")
    chosen = options.nth(option) if isinstance(option, int) else options.get_by_text(option, exact=True)
    chosen.wait_for()
    name = query or label.split()[0].lower().replace("activity", "stage") + "="
    ready = in_address(query) if query else not_in_address(name)
    mentor.do(what or f"choosing {label.lower()}", "click", chosen.click, ready=ready)


def in_address(words: str) -> str:
    return f"location.search.includes('{words}')"


def not_in_address(words: str) -> str:
    return f"!location.search.includes('{words}')"


# The comparison


class Collected(dict[str, Waits]):
    """The waits of several mentors."""

    def add(self, mentor: Mentor) -> None:
        for what, waits in mentor.waits.items():
            collected = self.setdefault(what, Waits(waits.kind))
            for name in ("seconds", "server", "kilobytes"):
                getattr(collected, name).extend(getattr(waits, name))


def measure_bare(browser: Browser, folder: Path, rounds: int) -> None:
    waits = Collected()
    for _ in range(rounds):
        with served_bare(folder) as url, tab(browser) as page:
            mentor = Mentor(page, url, "")
            mentor.open_address("/", "Page", "first page", "first page")
            for choice in ("something", "nothing"):
                chosen = f"document.body.innerText.includes('Chosen: {choice}')"
                radio = mentor.main.get_by_role("radio", name=choice, exact=True)
                mentor.do("a choice", "click", partial(radio.click, force=True), ready=chosen)
            for other in ("Other", "Page"):
                link = mentor.sidebar.get_by_role("link", name=other, exact=True)
                there = f"document.querySelector('h1')?.textContent === '{other}'"
                mentor.do("to another page", "page", link.click, ready=there)
            waits.add(mentor)
    print("\n## bare page")
    report(waits, None)


def measure(browser: Browser, which: str, home: Path, rounds: int) -> bool:
    class_id = prepare(which, home)
    waits = Collected()
    for name in ("overview", "risk") * rounds:
        with served(home) as url, tab(browser) as page:
            mentor = Mentor(page, url, class_id)
            mentor.open(name, "first page")
            waits.add(mentor)
    with served(home) as url:
        for _ in range(rounds):
            with tab(browser) as page:
                mentor = Mentor(page, url, class_id)
                change_pages(mentor)
                click_through(mentor)
                waits.add(mentor)
    return report(waits, TOLERANCE[which])


def report(waits: dict[str, Waits], tolerance: float | None) -> bool:
    """Print the waits, and return True if all medians are within `tolerance` times the targets.

    Without a tolerance there is no limit.
    """
    is_reached = True
    for kind, target in TARGETS.items():
        of_kind = {what: wait for what, wait in waits.items() if wait.kind == kind}
        everything = [seconds for wait in of_kind.values() for seconds in wait.seconds]
        if not everything:
            continue
        limit = target * tolerance if tolerance else float("inf")
        target_text = f"target {limit:.1f} s" if tolerance else ""
        print(f"\n{kind:34}{'median':>8}{'worst':>8}{'server':>8}{'kB':>8}   {target_text}")
        for what, wait in of_kind.items():
            median = statistics.median(wait.seconds)
            print(
                f"  {what:32}{median:8.2f}{max(wait.seconds):8.2f}{statistics.median(wait.server):8.2f}"
                f"{statistics.median(wait.kilobytes):8.0f}   {'MISSED' if median > limit else ''}"
            )
            is_reached &= median <= limit
        print(f"  {'all':32}{statistics.median(everything):8.2f}{max(everything):8.2f}")
    return is_reached


def find_chromium() -> str:
    """Return the path of the browser of this computer."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("Chromium is not installed.")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("classes", nargs="*", default=list(TOLERANCE), metavar="practice|large")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--homes", type=Path, help="keep the synced classes here, for the next time")
    chosen = parser.parse_args()
    path = find_chromium()
    with tempfile.TemporaryDirectory(prefix="cohort-benchmark-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        measure_bare(browser, Path(folder), chosen.rounds)
        reached = [
            measure(browser, which, (chosen.homes or Path(folder)) / which, chosen.rounds)
            for which in chosen.classes
        ]
        browser.close()
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
