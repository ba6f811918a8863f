"""Unit tests of texts, colours and settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from streamlit import config

from cohort_core.charts import shapes
from cohort_core.dashboard import sync_panel
from cohort_core.dashboard.components import text
from cohort_core.dashboard.sections import sync_history
from cohort_core.dashboard.streamlit_config import streamlit_options
from cohort_core.reports.labels import BANDS
from cohort_core.store.sync_runs import Job, Run

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=-5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47), "1 day ago"),
        (timedelta(days=12), "12 days ago"),
    ],
)
def test_ages(before: timedelta, expected: str) -> None:
    assert text.ago(NOW - before, NOW) == expected


def test_a_moment_is_shown_in_its_zone() -> None:
    moment = text.moment(NOW, ZoneInfo("America/New_York"))
    assert moment == "Monday 2 March 2026, 07:00 EST"


def test_shares_as_text() -> None:
    assert [text.percent(share) for share in (0.0, 0.456, 1.0, None, float("nan"))] == [
        "0 %",
        "46 %",
        "100 %",
        "–",
        "–",
    ]


def test_literal_leaves_nothing_to_interpret() -> None:
    written = "**b** $x$ :red[r] a->b <s> www.x.example me@x.example http://x.example `c` \\"
    shown = text.literal(written)
    assert shown.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\").replace("\u2060", "") == written
    for part in ("://", "www\\.", "-\\>", "me\\@", "**"):
        assert part not in shown


def test_markup_leaves_nothing_to_interpret() -> None:
    assert text.markup("<b a='1'>&\"") == "&lt;b a=&#x27;1&#x27;&gt;&amp;&quot;"


def run(**changes: object) -> Run:
    whole: dict[str, object] = {
        "id": 1,
        "class_id": "c",
        "friendly_id": "c",
        "name": "Alpha",
        "state": "done",
        "kind": "incremental",
        "is_clean": True,
        "started_at": "2026-03-02T12:00:00.000Z",
        "ended_at": "2026-03-02T12:00:01.200Z",
        "pages": 4,
        "page_total": 20,
        "records": 760,
        "added": 4,
        "changed": 2,
        "removed": 0,
        "quarantined": 0,
        "error_code": None,
        "error": None,
        "note": None,
        "unaccepted": 0,
    }
    return Run(**(whole | changes))  # type: ignore[arg-type]


def job(*runs: Run, state: str = "done", error: str | None = None) -> Job:
    return Job(
        id=1,
        asked_by="cli",
        state=state,
        is_full=False,
        cancel_requested=False,
        started_at="2026-03-02T12:00:00.000Z",
        ended_at="2026-03-02T12:00:01.200Z",
        error_code=None,
        error=error,
        runs=runs,
    )


def test_the_outcome_of_a_sync_as_text() -> None:
    assert sync_panel.outcome(job(run(records=3781))) == "Synced 3,781 records in 1.2 s: 4 new, 2 changed."
    assert sync_panel.outcome(job(run(added=0, changed=0))) == "Synced 760 records in 1.2 s: nothing new."
    assert "1 removed, 3 set aside" in sync_panel.outcome(job(run(removed=1, quarantined=3)))
    assert (
        sync_panel.outcome(job(run(), state="failed", error="No network. Try later."))
        == "No network. Try later."
    )
    partial = job(run(), run(name="Beta", state="failed", error="It is gone."), state="partial")
    assert sync_panel.outcome(partial).endswith("Beta: It is gone.")
    assert not sync_panel.is_good(partial)
    refusal = "OpenClass no longer has 12 of 82 records. If so, sync again with `cohort-tracker sync`."
    gone = run(name="Beta", state="failed", error=refusal, error_code="removals_refused")
    said = sync_panel.outcome(job(gone, run(), state="partial"))
    assert said.endswith("Beta: OpenClass no longer has 12 of 82 records. The page Classes asks what to do.")
    assert "ended before it was done" in sync_panel.outcome(job(run(state="running"), state="interrupted"))


def test_progress_as_text() -> None:
    assert (
        sync_panel.progress_text(run(), 2, 3)
        == "Class 2 of 3 · page 4 of 20 · 760 records · 4 new · 2 changed"
    )
    assert sync_panel.progress_text(run(pages=0), 1, 1) == "Waiting for OpenClass"


def test_a_killed_sync_is_not_shown_as_running() -> None:
    (row,) = sync_history.rows([job(run(state="running"), state="interrupted")])
    assert row["result"] == "Interrupted"


def test_namesakes_keep_a_bar_each() -> None:
    labels = list(shapes.unique_labels(["Ada", "Ada (2)", "Ben", "Ada", "Ada"]))
    assert labels == ["Ada", "Ada (2)", "Ben", "Ada (3)", "Ada (4)"]


def test_every_setting_is_one_that_streamlit_knows() -> None:
    known_options = config._config_options_template
    options = streamlit_options()
    assert [name for name in options if name not in known_options] == []
    assert options["browser.gatherUsageStats"] is False
    assert options["server.address"] == "127.0.0.1"
    assert "*" not in str(options["server.allowedHosts"])


def test_every_band_has_a_word_a_shape_and_a_colour_of_its_own() -> None:
    looks = list(BANDS.values())
    for part in ("label", "shape", "colour"):
        assert len({getattr(look, part) for look in looks}) == len(looks)
