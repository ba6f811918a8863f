"""Sync now: one button, live progress whoever syncs, and what came of it.

The sync itself runs in a thread of its own and writes its progress to the store. A page only looks: it
looks rarely while nothing happens, often while a sync runs, and is drawn anew once when one has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NoReturn

import streamlit as st

from cohort_core.dashboard.components.text import ago, count, literal, moment, seconds, until, upper_first
from cohort_core.dashboard.errors import guarded
from cohort_core.errors import SyncRunning
from cohort_core.services.workspace import Workspace
from cohort_core.store.sync_runs import Job, Run
from cohort_core.sync.scheduler import Plan

LOOK_SECONDS = 4.0
PROGRESS_SECONDS = 1.0
ANSWER_SECONDS = 0.8
"""How long a press waits for a refusal. A slower login goes on, and the sync's record tells of it."""

_TOLD, _OUTCOME, _REFUSAL, _BY_ITSELF = "sync-told", "sync-outcome", "sync-refusal", "sync-by-itself"


def start(
    workspace: Workspace,
    references: Sequence[str] | None = None,
    *,
    full: bool = False,
    accept_removals: bool = False,
) -> None:
    """Start a sync of these or the active classes and return at once. Raises what stops it from beginning."""
    before = _latest(workspace)
    failure: list[BaseException] = []

    def begin() -> None:
        try:
            workspace.start_sync(references, asked_by="dashboard", full=full, accept_removals=accept_removals)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=begin, name="start-sync", daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    after = _latest(workspace)
    has_record = after is not None and (before is None or after.id > before.id)
    if failure and not isinstance(failure[0], SyncRunning) and not has_record:
        raise failure[0]


@dataclass(frozen=True)
class Age:
    """When the class that is shown was last synced (None: never), and the zone in which to say so."""

    synced_at: datetime | None
    zone: tzinfo

    @property
    def words(self) -> str:
        return "never" if self.synced_at is None else ago(self.synced_at, datetime.now(UTC))

    @property
    def days(self) -> int:
        return 0 if self.synced_at is None else (datetime.now(UTC) - self.synced_at).days

    @property
    def moment(self) -> str:
        return "never" if self.synced_at is None else moment(self.synced_at, self.zone)


def panel(workspace: Workspace, age: Age | None, *, can_sync: bool) -> None:
    """The part of the sidebar that syncs. What ended since this session last looked is told once.

    Who comes to the page anew is told of the last sync only if it went wrong: one of the night, perhaps.
    """
    latest = _latest(workspace)
    ended = 0 if latest is None else latest.id - int(latest.is_running)
    if _TOLD not in st.session_state:
        if latest is not None and latest.id == ended and not is_good(latest):
            st.session_state[_OUTCOME] = (False, f"The last sync went wrong. {outcome(latest)}")
    elif ended > st.session_state[_TOLD]:
        job = latest if latest is not None and latest.id == ended else workspace.job(ended)
        st.session_state[_OUTCOME] = (is_good(job), outcome(job))
        st.toast(literal(outcome(job)), duration="long")
    st.session_state[_TOLD] = ended
    st.fragment(_look, run_every=LOOK_SECONDS)(workspace, age, ended, can_sync)


def _look(workspace: Workspace, age: Age | None, ended: int, can_sync: bool) -> None:
    with guarded("sync"):
        job = _latest(workspace)
        if job is not None and job.is_running:
            st.button("Syncing…", key="sync-now", icon=":material/sync:", disabled=True, width="stretch")
            st.fragment(_progress, run_every=PROGRESS_SECONDS)(workspace, job.id)
            return
        if job is not None and job.id > ended:
            _draw_anew()
        st.button(
            "Sync now",
            key="sync-now",
            type="primary",
            icon=":material/sync:",
            disabled=not can_sync,
            width="stretch",
            on_click=press,
            args=(workspace,),
        )
        if age is not None:
            _show_age(age)
        if refusal := st.session_state.pop(_REFUSAL, None):
            st.error(literal(refusal))
        elif told := st.session_state.get(_OUTCOME):
            good, sentence = told
            (st.caption if good else st.warning)(literal(sentence))
        if plan := workspace.plan:
            _show_plan(plan)


def _draw_anew() -> NoReturn:
    """The page once more, by itself."""
    st.session_state[_BY_ITSELF] = True
    st.rerun()


def was_looked_at() -> bool:
    """Whether this run of a page is a person's, and not of a tab that follows the syncs overnight."""
    return not st.session_state.pop(_BY_ITSELF, False)


def _show_plan(plan: Plan) -> None:
    (st.warning if plan.failures else st.caption)(literal(plan_words(plan, datetime.now(UTC))))


def plan_words(plan: Plan, now: datetime) -> str:
    """ "Syncs by itself, next in 12 minutes.", or that it fails, why, and when it tries again."""
    when = until(plan.next_at, now)
    if not plan.failures:
        return f"Syncs by itself, next {when}."
    times = "failed" if plan.failures == 1 else f"has failed {plan.failures} times in a row"
    error = plan.error or "The reason is not known."
    return f"The automatic sync {times}: {error} It tries again {when}."


def _show_age(age: Age) -> None:
    if age.synced_at is None:
        st.caption("This class has not been synced yet.")
    else:
        st.caption(f"Last synced {age.words}", help=literal(f"Last sync of this class: {age.moment}"))


def _progress(workspace: Workspace, job_id: int) -> None:
    with guarded("sync"):
        job = workspace.job(job_id)
        if not job.is_running:
            _draw_anew()
        done = sum(run.state not in {"waiting", "running"} for run in job.runs)
        run = next((run for run in job.runs if run.state == "running"), None)
        part = run.pages / run.page_total if run and run.page_total else 0.0
        st.progress(min((done + part) / max(len(job.runs), 1), 1.0))
        if run is None:
            st.caption("Starting…" if done == 0 else "Finishing…")
        else:
            st.text(run.name)
            st.caption(progress_words(run, done + 1, len(job.runs)))
        if job.cancel_requested:
            st.caption("Stopping after this page…")
        else:
            st.button("Stop", key="sync-stop", on_click=_stop, args=(workspace, job_id))


def press(
    workspace: Workspace,
    references: Sequence[str] | None = None,
    *,
    full: bool = False,
    accept_removals: bool = False,
) -> None:
    """What a button does that starts a sync. The panel shows a refusal as it shows the progress."""
    st.session_state.pop(_OUTCOME, None)
    with guarded("sync", stop=False) as told:
        start(workspace, references, full=full, accept_removals=accept_removals)
    if told:
        st.session_state[_REFUSAL] = told[0]


def _stop(workspace: Workspace, job_id: int) -> None:
    with guarded("sync", stop=False):
        workspace.cancel_sync(job_id)


def _latest(workspace: Workspace) -> Job | None:
    return next(iter(workspace.jobs(1)), None)


def progress_words(run: Run, number: int, total: int) -> str:
    """ "Class 2 of 3 · page 4 of 20 · 760 rows · 4 new · 2 changed"."""
    parts = [f"class {number} of {total}"] if total > 1 else []
    if run.pages == 0:
        parts.append("waiting for OpenClass")
    else:
        parts.append(f"page {run.pages} of {run.page_total}" if run.page_total else f"page {run.pages}")
        parts += [count(run.records, "row"), f"{run.added:,} new", f"{run.changed:,} changed"]
        parts += [f"{run.removed:,} removed"] if run.removed else []
        parts += [f"{run.quarantined:,} set aside"] if run.quarantined else []
    return upper_first(" · ".join(parts))


def is_good(job: Job) -> bool:
    return job.state in {"done", "cancelled"}


def outcome(job: Job) -> str:
    """What a sync did, in a sentence or two: the same for whoever started it."""
    if job.state == "interrupted":
        return "The last sync ended before it was done. What it had read is kept; sync again when you like."
    if job.state in {"failed", "cancelled"}:
        return job.error or "The sync ended before it was done. Sync again when you like."
    sentence = f"{records_words(job)}: {changes_words(job.runs)}."
    troubles = [f"{run.name}: {run.error}" for run in job.runs if run.error]
    return " ".join([sentence, *troubles])


def records_words(job: Job) -> str:
    took = f" in {seconds(job.seconds)}" if job.seconds is not None else ""
    return f"Synced {count(job.records, 'record')}{took}"


def changes_words(runs: tuple[Run, ...]) -> str:
    """ "4 new, 2 changed", or "nothing new"."""
    totals = {
        "new": sum(run.added for run in runs),
        "changed": sum(run.changed for run in runs),
        "removed": sum(run.removed for run in runs),
        "set aside as unreadable": sum(run.quarantined for run in runs),
    }
    return ", ".join(f"{number:,} {what}" for what, number in totals.items() if number) or "nothing new"
