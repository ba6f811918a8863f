"""Each way in which OpenClass can fail, over real HTTP.

The sync waits for failures that pass, and reports those that last.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from cohort_core import errors
from cohort_core.practice.app import PracticeApp
from cohort_core.practice.faults import Fault, http_date
from cohort_core.practice.school import MemorySchool, hex_id
from cohort_core.practice.server import Running, running
from cohort_core.sources.openclass import parser
from tests.conftest import FAST_RETRIES, serving
from tests.sync.conftest import SyncedClass, id_of, row

PASSING = [
    Fault("status", status=500, times=2),
    Fault("status", status=502),
    Fault("status", status=503),
    Fault("status", status=408),
    Fault("status", status=429, retry_after=0),
    Fault("status", status=429, retry_after=http_date(0)),
    Fault("hang"),
    Fault("reset", times=2),
    Fault("cut"),
    Fault("html"),
    Fault("page", "*/progressions"),
    Fault("charset", value="latin-1", times=None),
    Fault("cap", "*/progressions", value=2, times=None),
    Fault("expire"),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.kind} {fault.status}")
def test_failures_that_pass_are_waited_for(synced: SyncedClass, fault: Fault) -> None:
    fault.after = 1 if fault.kind == "expire" else 0
    fault.path = fault.path if "progressions" in fault.path else "/v1/classes/*"
    synced.served.faults.add(fault)
    assert synced.sync().state == "done"
    assert len(synced.held()) == 12
    assert fault.hits >= 1


LASTING = [
    (Fault("status", status=500, times=None), errors.UpstreamDown),
    (Fault("status", status=429, retry_after=0, times=None), errors.UpstreamDown),
    (Fault("status", status=404, times=None), errors.ClassInaccessible),
    (Fault("status", status=401, times=None), errors.LoginRefused),
    (Fault("status", status=400, times=None), errors.UpstreamChanged),
    (Fault("html", times=None), errors.UpstreamChanged),
    (Fault("shape", times=None), errors.UpstreamChanged),
    (Fault("redirect", times=None), errors.UpstreamChanged),
    *((Fault("status", status=code, times=None), errors.UpstreamChanged) for code in (301, 303, 307, 308)),
    (Fault("status", status=204, times=None), errors.UpstreamChanged),
    (Fault("page", times=None), errors.UpstreamChanged),
    (Fault("cut", times=None), errors.UpstreamDown),
    (Fault("reset", times=None), errors.NoNetwork),
]


@pytest.mark.parametrize(("fault", "error"), LASTING, ids=lambda value: getattr(value, "kind", None))
def test_failures_that_last_are_reported_in_a_sentence_and_lose_nothing(
    synced: SyncedClass, fault: Fault, error: type[errors.CohortError]
) -> None:
    synced.sync()
    fault.path = "*/progressions"
    synced.served.faults.add(fault)
    job = synced.sync()
    (run,) = job.runs
    assert (job.state, run.error_code) == ("failed", error.code)
    assert run.error
    assert run.error.endswith(".")
    assert len(synced.held()) == 12
    synced.served.faults.clear()
    assert synced.sync().runs[0].kind == "full"


def test_a_login_is_never_tried_again(synced: SyncedClass) -> None:
    synced.workspace._tokens.clear()
    synced.served.faults.add(Fault("status", "/v1/auth/login", status=503, times=None))
    before = len(synced.served.requests)
    with pytest.raises(errors.UpstreamDown):
        synced.workspace.prepare_sync(asked_by="test")
    assert len(synced.served.requests) - before == 1
    assert synced.workspace.running_job() is None
    assert synced.workspace.jobs(1)[0].state == "failed"


def test_no_network(synced: SyncedClass) -> None:
    from cohort_core.config.settings import save_settings

    save_settings(synced.workspace.home, api_base="http://127.0.0.1:9")
    with pytest.raises(errors.NoNetwork, match="cannot be reached"):
        synced.workspace.prepare_sync(asked_by="test")


def test_the_token_does_not_follow_a_redirect(synced: SyncedClass) -> None:
    with running(MemorySchool()) as elsewhere:
        for location in (f"{elsewhere.url}/v1/classes", f"{synced.served.url}/elsewhere"):
            synced.served.faults.add(Fault("redirect", "*/progressions", location=location))
            synced.sync()
        assert not elsewhere.requests
    assert not any(request.path == "/elsewhere" for request in synced.served.requests)


# Tokens and logins


def logins(served: Running) -> int:
    return sum(request.path == "/v1/auth/login" for request in served.requests)


def test_a_token_that_ends_in_mid_run_costs_one_login(synced: SyncedClass) -> None:
    synced.sync()
    before = logins(synced.served)
    synced.served.faults.add(Fault("expire", "*/progressions", after=2))
    (run,) = synced.sync().runs
    assert (run.state, run.is_clean, run.pages) == ("done", True, 4)
    assert logins(synced.served) - before == 1


def test_a_token_that_is_refused_again_ends_the_run(synced: SyncedClass) -> None:
    synced.sync()
    synced.school.put_row(synced.id, row(12))
    before = logins(synced.served)
    synced.served.faults.add(Fault("expire", "*/progressions", after=1, times=None))
    (run,) = synced.sync().runs
    assert (run.state, run.error_code) == ("failed", errors.LoginRefused.code)
    assert logins(synced.served) - before == 1
    assert len(synced.held()) == 13


def test_a_password_that_is_no_longer_good_is_sent_once(synced: SyncedClass) -> None:
    """However many classes there are: a wrong password repeated is a locked account."""
    others = [synced.school.add_class(name, rows=[row(1)]) for name in ("Another", "Third")]
    synced.workspace.refresh_classes()
    synced.sync()
    synced.school.password = "changed since"
    before = logins(synced.served)
    synced.served.faults.add(Fault("expire", "*/progressions", after=1))
    job = synced.workspace.prepare_sync([synced.id, *others], asked_by="test").run()
    assert [run.error_code for run in job.runs] == [errors.LoginRefused.code] * 3
    assert logins(synced.served) - before == 1


# Waiting as asked

LONGEST_WAIT = 20
"""Seconds after which a sync that should wait a moment is stopped."""


def asked_again_after(synced: SyncedClass, retry_after: int | str | None, **retry_policy: Any) -> float:
    """Return the seconds between a 429 and the next request."""
    synced.workspace._retry_policy = replace(FAST_RETRIES, **retry_policy)
    synced.served.faults.add(Fault("status", "*/progressions", status=429, retry_after=retry_after))
    sync = synced.workspace.prepare_sync(asked_by="test")
    thread = sync.start()
    thread.join(LONGEST_WAIT)
    sync.stop()
    assert not thread.is_alive(), "it waits longer than it may"
    first, second = [item for item in synced.served.requests if item.path.endswith("/progressions")][:2]
    assert first.status == 429
    return second.at - first.at


def test_retry_after_in_seconds_is_waited_for(synced: SyncedClass) -> None:
    assert 1 <= asked_again_after(synced, 1) < 3


def test_retry_after_as_a_date_is_waited_for(synced: SyncedClass) -> None:
    assert 0.9 <= asked_again_after(synced, http_date(2)) < 4


@pytest.mark.parametrize("retry_after", [3600, "9" * 400, "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_retry_after_has_a_limit(synced: SyncedClass, retry_after: int | str) -> None:
    assert 0.3 <= asked_again_after(synced, retry_after, longest_retry_after_seconds=0.3) < 2


@pytest.mark.parametrize("retry_after", ["soon", "-5", "1e9", "\u00b2", "", "Wed, 99 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_that_says_nothing_is_as_none(synced: SyncedClass, retry_after: str) -> None:
    assert asked_again_after(synced, retry_after) < 1


def test_waiting_has_a_budget_for_the_whole_run(synced: SyncedClass) -> None:
    synced.workspace._retry_policy = replace(FAST_RETRIES, budget_seconds=0.5, attempts=100)
    synced.served.faults.add(Fault("status", "*/progressions", status=429, retry_after=1, times=None))
    began = time.monotonic()
    assert synced.sync().state == "failed"
    assert time.monotonic() - began < 3


def test_requests_keep_the_agreed_pace(synced: SyncedClass) -> None:
    from cohort_core.config.settings import save_settings

    save_settings(synced.workspace.home, sync_rate=20.0)
    before = len(synced.served.requests)
    began = time.monotonic()
    assert synced.sync().state == "done"
    assert time.monotonic() - began >= 0.05 * (len(synced.served.requests) - before - 1)


# Totals and pages that lie


def test_a_total_that_lies_once_is_walked_again(synced: SyncedClass) -> None:
    synced.served.faults.add(Fault("total", "*/progressions", after=1))
    (run,) = synced.sync().runs
    assert (run.is_clean, run.pages) == (True, 8)


def test_a_total_that_always_lies_is_unverified(synced: SyncedClass) -> None:
    synced.served.faults.add(Fault("total", "*/progressions", times=None))
    (run,) = synced.sync().runs
    assert (run.state, run.is_clean, run.pages) == ("done", False, 16)
    assert len(synced.held()) == 12


@pytest.mark.parametrize("value", [-1, 10**400, 10**20, "12", None, 12.5, True])
def test_a_total_that_is_no_count_is_reported(synced: SyncedClass, value: Any) -> None:
    with edited(synced, inside(lambda page: page["metadata"].update(total=value))):
        assert synced.sync().runs[0].error_code == errors.UpstreamChanged.code


def test_a_page_size_that_changes_in_mid_run(synced: SyncedClass) -> None:
    synced.served.faults.add(Fault("cap", "*/progressions", value=3, after=2, times=3))
    (run,) = synced.sync().runs
    assert run.is_clean
    assert len(synced.held()) == 12


def test_one_id_with_two_contents_in_two_pages_is_not_clean(synced: SyncedClass) -> None:
    """Smaller pages in mid-run repeat rows, here a row that was regraded in between."""
    synced.served.faults.add(
        Fault("cap", "*/progressions", value=3, after=2, times=2),
        Fault(
            "call",
            "*/progressions",
            after=2,
            edit=lambda: synced.school.change_row(synced.id, id_of(4), grade=0.25),
        ),
    )
    (run,) = synced.sync().runs
    assert (run.is_clean, run.pages) == (True, 5 + 4)
    assert synced.held()[id_of(4)][3] == 0.25


def test_pages_without_an_end_are_not_read_for_ever(synced: SyncedClass) -> None:
    with edited(synced, inside(lambda page: page["metadata"].update(can_load_more=True))):
        (run,) = synced.sync().runs
    assert run.state == "done"
    assert len(synced.held()) == 12


def test_an_inaccessible_class_among_good_ones_loses_nothing(synced: SyncedClass) -> None:
    others = [synced.school.add_class(name, rows=[row(1)]) for name in ("Another", "Third")]
    synced.workspace.refresh_classes()
    synced.sync(references=[synced.id, *others])
    for status in (403, 404):
        synced.served.faults.add(Fault("status", f"*/{synced.id}*", status=status, times=3))
        for _ in range(3):
            job = synced.sync(references=[others[0], synced.id, others[1]], accept_removals=True)
            assert job.state == "partial"
            assert [run.error_code for run in job.runs] == [None, errors.ClassInaccessible.code, None]
    assert len(synced.held()) == 12
    synced.served.faults.clear()


def test_a_defect_that_one_class_brings_to_light_does_not_stop_the_others(synced: SyncedClass) -> None:
    other = synced.school.add_class("Another", rows=[row(1), row(2)])
    synced.workspace.refresh_classes()
    job = synced.workspace.prepare_sync([synced.id, other], asked_by="test")
    pages = []

    def on_page() -> None:
        pages.append(1)
        if len(pages) == 1:
            raise RuntimeError("a secret")

    job.on_page = on_page
    ended = job.run()
    assert ended.state == "partial"
    assert [run.error_code for run in ended.runs] == [errors.SyncFailed.code, None]
    assert "secret" not in str(ended)
    assert ended.runs[1].records == 2
    assert synced.sync().runs[0].state == "done"


# Bodies


class Edited:
    """The school's app with the bodies of progressions edited, or dripping."""

    def __init__(self, app: Any, edit: Callable[[bytes], bytes], drip_seconds: float = 0) -> None:
        self._app = app
        self._edit = edit
        self._drip_seconds = drip_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/progressions"):
            await self._app(scope, receive, send)
            return
        start: Message = {}

        async def edited_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body = self._edit(message["body"])
            kept = [pair for pair in start["headers"] if pair[0] != b"content-length"]
            await send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
            await self._send_body(body, send)

        await self._app(scope, receive, edited_send)

    async def _send_body(self, body: bytes, send: Send) -> None:
        import asyncio

        if self._drip_seconds:
            for place in range(100):
                await send({"type": "http.response.body", "body": body[place : place + 1], "more_body": True})
                await asyncio.sleep(self._drip_seconds)
            body = body[100:]
        await send({"type": "http.response.body", "body": body})


class edited:  # noqa: N801 - reads as a verb
    """Within the block, the class is synced from a server whose bodies are edited."""

    def __init__(
        self, synced: SyncedClass, edit: Callable[[bytes], bytes] = lambda body: body, **options: Any
    ) -> None:
        self._synced = synced
        app = PracticeApp(synced.school, page_cap=5)
        self._serving = serving(Edited(app, edit, **options))

    def __enter__(self) -> None:
        from cohort_core.config.settings import save_settings

        save_settings(self._synced.workspace.home, api_base=self._serving.__enter__())

    def __exit__(self, *error: Any) -> None:
        from cohort_core.config.settings import save_settings

        self._serving.__exit__(*error)
        save_settings(self._synced.workspace.home, api_base=self._synced.served.url)


def inside(edit: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """Edit a page, which is JSON text inside the JSON of the body."""

    def edit_body(body: bytes) -> bytes:
        page = json.loads(json.loads(body)["result"]["objects"][0])
        edit(page)
        return json.dumps({"result": {"objects": [json.dumps(page)]}}).encode()

    return edit_body


def test_a_body_that_drips_is_given_up(synced: SyncedClass) -> None:
    """Every byte comes within the read time-out, but the whole takes longer than a request may."""
    synced.workspace._retry_policy = replace(FAST_RETRIES, request_seconds=0.4, attempts=2)
    began = time.monotonic()
    with edited(synced, drip_seconds=0.05):
        (run,) = synced.sync().runs
    assert (run.state, run.error_code) == ("failed", errors.UpstreamDown.code)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "no-such-charset", "ascii"])
def test_the_header_s_charset_is_not_believed(synced: SyncedClass, charset: str) -> None:
    user = {"id": hex_id("student", "student 3"), "first_name": "Zoë", "last_name": "Łuç 漢字 😀"}
    for number in (3, 7, 11):
        synced.school.change_row(synced.id, id_of(number), user=user)
    synced.served.faults.add(Fault("charset", value=charset, times=None))
    assert synced.sync().state == "done"
    name = synced.value(f"SELECT first_name || last_name FROM students WHERE id = '{user['id']}'")
    assert name == "ZoëŁuç 漢字 😀"


def in_row(number: int, old: str, new: str) -> Callable[[bytes], bytes]:
    """Edit a value of the row ``number`` in the text of a page."""

    def edit(body: bytes) -> bytes:
        envelope = json.loads(body)
        (text,) = envelope["result"]["objects"]
        start = text.find(id_of(number))
        if start < 0:
            return body
        assert old in text[start:]
        envelope["result"]["objects"] = [text[:start] + text[start:].replace(old, new, 1)]
        return json.dumps(envelope).encode()

    return edit


DEEP = "[" * 5_000 + "]" * 5_000
ODD_VALUES = {
    "an integer of thousands of digits": ('"grade":1', '"grade":' + "9" * 5000),
    "an integer beyond floats": ('"grade":1', '"grade":1' + "0" * 400),
    "a float beyond floats": ('"grade":1', '"grade":1e999'),
    "not a number": ('"grade":1', '"grade":NaN'),
    "minus infinity": ('"grade":1', '"grade":-Infinity'),
    "half a character": ('"first_name":"', '"first_name":"\\ud83d'),
    "a null character": ('"first_name":"', '"first_name":"\\u0000'),
    "a null character in an id": ('"id":"', '"id":"\\u0000'),
    "half a character in an id": ('"id":"', '"id":"\\udc00'),
    "a year beyond calendars": ('"started_assignment_at":"2026', '"started_assignment_at":"9999'),
    "a year before zones": ('"started_assignment_at":"2026-03', '"started_assignment_at":"0001-01'),
    "nested values": ('"grade":1', '"grade":' + "[" * 400 + "]" * 400),
}


@pytest.mark.parametrize("kind", ODD_VALUES)
def test_an_impossible_value_costs_its_own_row_alone(synced: SyncedClass, kind: str) -> None:
    synced.sync()
    with edited(synced, in_row(7, *ODD_VALUES[kind])):
        (run,) = synced.sync().runs
    assert (run.state, run.is_clean, run.quarantined) == ("done", True, 1)
    assert len(synced.held()) == 12
    assert synced.value("SELECT row_key FROM quarantine") == id_of(7)
    assert (synced.sync().runs[0].quarantined, synced.value("SELECT count(*) FROM quarantine")) == (0, 0)


@pytest.mark.parametrize(
    ("old", "new", "grade"),
    [
        ('"grade":1', '"grade":0.25,"grade":0.5', 0.5),
        ('"grade":1', '"grade":-0.0', 0.0),
        ('"grade":1', '"grade":1.0000000000000000000000000000000000000001', 1.0),
        ('"grade":1', '"grade":0.5,"later":' + "9" * 5000, 0.5),
        ('"grade":1', '"grade":0.5,"later":' + "[" * 400 + "]" * 400, 0.5),
    ],
    ids=[
        "key twice",
        "minus zero",
        "many digits",
        "huge number that nobody needs",
        "nested where nobody looks",
    ],
)
def test_odd_but_clear_values_are_understood(synced: SyncedClass, old: str, new: str, grade: float) -> None:
    with edited(synced, in_row(7, old, new)):
        (run,) = synced.sync().runs
    assert (run.is_clean, run.quarantined) == (True, 0)
    assert synced.held()[id_of(7)][3] == grade


def test_json_nested_too_deeply_is_reported(synced: SyncedClass) -> None:
    synced.sync()
    for edit in (in_row(7, '"grade":1', '"grade":' + "[" * 100_000), lambda body: b"[" * 100_000):
        with edited(synced, edit):
            (run,) = synced.sync().runs
        assert (run.state, run.error_code) == ("failed", errors.UpstreamChanged.code)
    assert len(synced.held()) == 12


def test_no_depth_of_nesting_is_unexpected() -> None:
    """A value that can just be parsed can also be written into the payload of a bad row."""
    for depth in range(300, 1100):
        nested = row(1, grade="NESTED")
        page = {
            "metadata": {"total": 1, "page": 0, "results_per_page": 5, "can_load_more": False},
            "data": [nested],
        }
        text = json.dumps(page).replace('"NESTED"', "[" * depth + "]" * depth)
        try:
            (bad,) = parser.read_page({"result": {"objects": [text]}}).bad_rows
        except errors.UpstreamChanged:
            continue
        assert bad.key == id_of(1)


def test_one_id_with_two_contents_in_one_page_is_never_clean(synced: SyncedClass) -> None:
    synced.sync()

    def repeat(page: dict[str, Any]) -> None:
        """Put row 7 with another grade in place of row 8."""
        page["metadata"]["total"] = 11
        rows = {item["_id"]["$oid"]: item for item in page["data"]}
        if id_of(8) in rows:
            page["data"].remove(rows[id_of(8)])
            page["data"].append(rows[id_of(7)] | {"grade": 0.5})

    with edited(synced, inside(repeat)):
        for _ in range(3):
            (run,) = synced.sync(accept_removals=True).runs
            assert (run.state, run.is_clean) == ("done", False)
    assert id_of(8) in synced.held()


def test_an_id_that_stays_the_same_for_all_rows_removes_nothing(synced: SyncedClass) -> None:
    synced.sync()
    same = {"_id": {"$oid": id_of(3)}}
    synced.served.faults.add(Fault("rows", "*/progressions", edit=lambda raw: raw | same, times=None))
    for _ in range(3):
        assert synced.sync(accept_removals=True).runs[0].is_clean is False
    assert len(synced.held()) == 12
