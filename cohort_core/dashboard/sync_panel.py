"""The Sync now button, the live progress of any sync, and its result.

A sync runs in its own thread and writes its progress to the store. A page only reads it from there: rarely
while nothing happens, and often while a sync runs. When a sync has ended, the page reruns once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, NoReturn

import streamlit as st

from cohort_core.clock import utc_now
from cohort_core.dashboard.components.text import ago, count, literal, moment, seconds, until, upper_first
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.page_words import for_page
from cohort_core.errors import NotAllowed, SyncRunning
from cohort_core.store.sync_runs import Job, Run
from cohort_core.sync.scheduler import Plan

if TYPE_CHECKING:
    from cohort_core.dashboard.layout import View
    from cohort_core.services.commands import Commands

POLL_SECONDS = 4.0
PROGRESS_SECONDS = 1.0
REFUSAL_SECONDS = 0.8
"""How long a press of the button waits for a refusal.

A slower login continues in the background, and the record of the sync reports its result.
"""

_SEEN, _OUTCOME, _REFUSAL, _AUTOMATIC = "sync-seen", "sync-outcome", "sync-refusal", "sync-automatic"


def start(
    view: View,
    references: Sequence[str] | None = None,
    *,
    full: bool = False,
    accept_removals: bool = False,
) -> None:
    """Start a sync of these classes, or of the active ones, and return at once.

    Raises the error that keeps the sync from starting.
    """
    before = _latest(view)
    failure: list[BaseException] = []

    def begin() -> None:
        try:
            commands_of(view).start_sync(references, full=full, accept_removals=accept_removals)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=begin, name="start-sync", daemon=True)
    thread.start()
    thread.join(REFUSAL_SECONDS)
    after = _latest(view)
    has_record = after is not None and (before is None or after.id > before.id)
    if failure and not isinstance(failure[0], SyncRunning) and not has_record:
        raise failure[0]


@dataclass(frozen=True)
class Age:
    """When the shown class was last synced (None: never), and the zone for showing it."""

    synced_at: datetime | None
    zone: tzinfo
    is_past: bool = False
    """True on a page of a past day, which shows the last sync until then."""

    @property
    def text(self) -> str:
        return "never" if self.synced_at is None else ago(self.synced_at, utc_now())

    @property
    def days(self) -> int:
        return 0 if self.synced_at is None else (utc_now() - self.synced_at).days

    @property
    def moment(self) -> str:
        return "never" if self.synced_at is None else moment(self.synced_at, self.zone)


def panel(view: View, age: Age | None, *, can_sync: bool) -> None:
    """Show the sync part of the sidebar.

    Each session sees the result of a sync once, in a toast. A new session hears of the last sync only if
    that failed, for example during the night.
    """
    latest = _latest(view)
    ended = 0 if latest is None else latest.id - int(latest.is_running)
    if _SEEN not in st.session_state:
        if latest is not None and latest.id == ended and not is_good(latest):
            st.session_state[_OUTCOME] = (False, f"The last sync failed. {outcome(latest)}")
    elif ended > st.session_state[_SEEN]:
        job = latest if latest is not None and latest.id == ended else view.reader.job(ended)
        st.session_state[_OUTCOME] = (is_good(job), outcome(job))
        st.toast(literal(outcome(job)), duration="long")
    st.session_state[_SEEN] = ended
    st.fragment(_poll, run_every=POLL_SECONDS)(view, age, ended, can_sync)


def _poll(view: View, age: Age | None, ended: int, can_sync: bool) -> None:
    with guarded("sync"):
        job = _latest(view)
        if job is not None and job.is_running:
            st.button("Syncing…", key="sync-now", icon=":material/sync:", disabled=True, width="stretch")
            st.fragment(_show_progress, run_every=PROGRESS_SECONDS)(view, job.id)
            return
        if job is not None and job.id > ended:
            _rerun_page()
        if view.commands:
            st.button(
                "Sync now",
                key="sync-now",
                type="primary",
                icon=":material/sync:",
                disabled=not can_sync,
                width="stretch",
                on_click=press,
                args=(view,),
            )
        if age is not None:
            _show_age(age)
        if refusal := st.session_state.pop(_REFUSAL, None):
            st.error(literal(refusal))
        elif result := st.session_state.get(_OUTCOME):
            good, sentence = result
            (st.caption if good else st.warning)(literal(sentence))
        if plan := view.reader.plan:
            _show_plan(plan)


def _rerun_page() -> NoReturn:
    """Rerun the page, and note that no person asked for it."""
    st.session_state[_AUTOMATIC] = True
    st.rerun()


def is_run_by_person() -> bool:
    """Return True if a person caused this run of the page.

    A tab that stays open overnight reruns after each automatic sync; such a run is not a visit.
    """
    return not st.session_state.pop(_AUTOMATIC, False)


def _show_plan(plan: Plan) -> None:
    (st.warning if plan.failures else st.caption)(literal(plan_text(plan, utc_now())))


def plan_text(plan: Plan, now: datetime) -> str:
    """Describe the automatic sync, such as "Syncs automatically, next in 12 minutes.".

    After a failure the text says why it failed, and when it tries again.
    """
    when = until(plan.next_at, now)
    if not plan.failures:
        return f"Syncs automatically, next {when}."
    times = "failed" if plan.failures == 1 else f"has failed {plan.failures} times in a row"
    error = for_page(plan.error or "The reason is not known.")
    return f"The automatic sync {times}: {error} It tries again {when}."


def _show_age(age: Age) -> None:
    if age.is_past:
        st.caption(
            literal(
                f"Last sync then: {age.moment}" if age.synced_at else "That day was before the first sync."
            )
        )
    elif age.synced_at is None:
        st.caption("This class has not been synced yet.")
    else:
        st.caption(f"Last synced {age.text}", help=literal(f"Last sync of this class: {age.moment}"))


def _show_progress(view: View, job_id: int) -> None:
    with guarded("sync"):
        job = view.reader.job(job_id)
        if not job.is_running:
            _rerun_page()
        done = sum(run.state not in {"waiting", "running"} for run in job.runs)
        run = next((run for run in job.runs if run.state == "running"), None)
        part = run.pages / run.page_total if run and run.page_total else 0.0
        st.progress(min((done + part) / max(len(job.runs), 1), 1.0))
        if run is None:
            st.caption("Starting…" if done == 0 else "Finishing…")
        else:
            st.text(run.name)
            st.caption(progress_text(run, done + 1, len(job.runs)))
        if job.cancel_requested:
            st.caption("Stopping after this page…")
        elif view.commands:
            st.button("Stop", key="sync-stop", on_click=_stop, args=(view, job_id))


def press(
    view: View,
    references: Sequence[str] | None = None,
    *,
    full: bool = False,
    accept_removals: bool = False,
) -> None:
    """Start a sync, as the callback of a button.

    The panel in the sidebar shows a refusal, just as it shows the progress.
    """
    st.session_state.pop(_OUTCOME, None)
    with guarded("sync", stop=False) as problems:
        start(view, references, full=full, accept_removals=accept_removals)
    if problems:
        st.session_state[_REFUSAL] = problems[0]


def _stop(view: View, job_id: int) -> None:
    with guarded("sync", stop=False):
        commands_of(view).cancel_sync(job_id)


def commands_of(view: View) -> Commands:
    """Return the commands of the person at the page. Raises ``NotAllowed``."""
    if view.commands is None:
        raise NotAllowed("Your role may look, and not change anything. Ask an administrator.")
    return view.commands


def _latest(view: View) -> Job | None:
    return next(iter(view.reader.jobs(1)), None)


def progress_text(run: Run, number: int, total: int) -> str:
    """Describe the progress of a running sync.

    For example "Class 2 of 3 · page 4 of 20 · 760 records · 4 new · 2 changed".
    """
    parts = [f"class {number} of {total}"] if total > 1 else []
    if run.pages == 0:
        parts.append("waiting for OpenClass")
    else:
        parts.append(f"page {run.pages} of {run.page_total}" if run.page_total else f"page {run.pages}")
        parts += [count(run.records, "record"), f"{run.added:,} new", f"{run.changed:,} changed"]
        parts += [f"{run.removed:,} removed"] if run.removed else []
        parts += [f"{run.quarantined:,} set aside"] if run.quarantined else []
    return upper_first(" · ".join(parts))


def is_good(job: Job) -> bool:
    return job.state in {"done", "cancelled"}


def outcome(job: Job) -> str:
    """Describe what a sync did, in a sentence or two.

    The text is the same for every way to start a sync.
    """
    if job.state == "interrupted":
        return "The last sync ended before it was done. What it had read is kept; sync again when you like."
    if job.state in {"failed", "cancelled"}:
        return _cause(job) or "The sync ended before it was done. Sync again when you like."
    sentence = f"{records_text(job)}: {changes_text(job.runs)}."
    troubles = [
        f"{run.name}: {_cause(run) or for_page(run.note or '')}" for run in job.runs if run.error or run.note
    ]
    return " ".join([sentence, *troubles])


def _cause(failed: Job | Run) -> str | None:
    return None if failed.error is None else for_page(failed.error, failed.error_code)


def records_text(job: Job) -> str:
    took = f" in {seconds(job.seconds)}" if job.seconds is not None else ""
    return f"Synced {count(job.records, 'record')}{took}"


def changes_text(runs: tuple[Run, ...]) -> str:
    """Count what changed, such as "4 new, 2 changed" or "nothing new"."""
    totals = {
        "new": sum(run.added for run in runs),
        "changed": sum(run.changed for run in runs),
        "removed": sum(run.removed for run in runs),
        "set aside": sum(run.quarantined for run in runs),
    }
    return ", ".join(f"{number:,} {what}" for what, number in totals.items() if number) or "nothing new"
