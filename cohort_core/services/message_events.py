"""Making events of what syncs brought, for the destinations that want them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cohort_core.notify import webhook
from cohort_core.notify.events import MANY, MAX_EVENTS, Comparison, Event, basis, compare
from cohort_core.services.anonymizer import Pseudonyms, load_key
from cohort_core.services.digests import dashboard_url
from cohort_core.services.message_owners import Owner, owner_of
from cohort_core.store import outbox, spells
from cohort_core.store.audit import add_event
from cohort_core.store.database import WriteConnection, utc_text
from cohort_core.store.destinations import Destination, load_destinations
from cohort_core.store.spells import Progress
from cohort_core.sync import lock

if TYPE_CHECKING:
    from cohort_core.services.workspace import Workspace

MAX_JOBS = 20
SYNC_EVENT_AGE = timedelta(hours=24)
"""How old the end of a sync may be for an event about it."""


@dataclass(frozen=True)
class _Target:
    destination: Destination
    owner: Owner

    def wants(self, kind: str, class_id: str) -> bool:
        return kind in self.destination.events and self.owner.principal.may_see(class_id)


def catch_up(workspace: Workspace, now: datetime) -> int:
    """Make the events of changed classes and ended syncs; return how many.

    Spells, messages and the revision up to which events were made are written in one transaction. What
    another process has made meanwhile is left to it.
    """
    database = workspace.database
    webhooks = [item for item in load_destinations(database) if item.kind == "webhook"]
    if not webhooks:
        return 0
    owned = [(item, owner_of(workspace, item)) for item in webhooks if item.is_on]
    targets = [_Target(item, owner) for item, owner in owned if owner is not None]
    made = _Events(workspace, targets, now)
    if any(kind.startswith("sync.") for target in targets for kind in target.destination.events):
        made.of_syncs()
    return made.of_classes() + made.count


class _Events:
    def __init__(self, workspace: Workspace, targets: Sequence[_Target], now: datetime) -> None:
        self._workspace = workspace
        self._targets = targets
        self._now = now
        self._public_url = workspace.settings().public_url
        self.count = 0

    def of_syncs(self) -> None:
        """Write the events of syncs that ended since a destination was made, each once."""
        jobs = lock.load_jobs(self._workspace.database, MAX_JOBS)
        ended = [(job, job.ended_at or job.started_at) for job in jobs if not job.is_running]
        fresh = utc_text(self._now - SYNC_EVENT_AGE)
        wanted = []
        for target in self._targets:
            for job, at in ended:
                kind = "sync.finished" if job.state in ("done", "partial") else "sync.failed"
                seen = [run for run in job.runs if target.owner.principal.may_see(run.class_id)]
                if (
                    kind in target.destination.events
                    and at > max(fresh, target.destination.changed_at)
                    and seen
                ):
                    key = f"msg_sync_{job.id}_{target.destination.secret_ref}"
                    data = {
                        "job": job.id,
                        "state": job.state,
                        "classes": [run.class_id for run in seen],
                        "error": job.error_code,
                    }
                    wanted.append(
                        (target, kind, key, webhook.payload(kind, data, datetime.fromisoformat(at)))
                    )
        if not wanted:
            return
        with self._workspace.database.reading() as connection:
            new = [
                item for item in wanted if not outbox.has_message(connection, item[0].destination.id, item[2])
            ]
        if new:
            with self._workspace.database.writing() as connection:
                for target, kind, key, body in new:
                    outbox.add_message(connection, target.destination.id, kind, key, body, self._now)
            self.count += len(new)

    def of_classes(self) -> int:
        """Write the events of classes that changed; return how many."""
        from cohort_core.metrics.triage import VERSION

        database = self._workspace.database
        present = basis(self._workspace.settings().thresholds, VERSION)
        with database.reading() as connection:
            behind = [
                progress
                for progress in spells.load_progress(connection)
                if progress.is_behind or progress.events_basis != present
            ]
            open_spells = {item.class_id: spells.load_spells(connection, item.class_id) for item in behind}
        if not behind:
            return 0
        compared = [
            (progress, self._compare(progress, open_spells[progress.class_id], present))
            for progress in behind
        ]
        with database.writing() as connection:
            events: list[Event] = []
            for progress, comparison in compared:
                if spells.save_progress(connection, progress, present):
                    spells.save_spells(
                        connection,
                        progress.class_id,
                        begun=comparison.begun,
                        ended=comparison.ended,
                        now=self._now,
                    )
                    events += comparison.events
            return sum(self._write(connection, target, events) for target in self._targets)

    def _compare(
        self, progress: Progress, open_spells: Mapping[spells.Subject, bool], present: str
    ) -> Comparison:
        cohorts, class_id = self._workspace.cohorts, progress.class_id
        (part,) = cohorts.class_triages([class_id])
        hidden = cohorts.hidden_students([part])
        silent = progress.events_revision is None or progress.events_basis != present
        if not cohorts.is_anonymous():
            return compare(part, open_spells, hidden, silent=silent)
        # Spells have real ids, so that switching pseudonyms on or off is no event.
        shown = {pair[0]: pair[1] for pair in cohorts.id_pairs(class_id).values()}
        real = {pseudonym: student_id for student_id, pseudonym in shown.items()}
        spells_shown = {
            (shown.get(student_id, student_id), kind): is_announced
            for (student_id, kind), is_announced in open_spells.items()
        }
        compared = compare(part, spells_shown, hidden, silent=silent)
        return Comparison(
            {(real.get(who, who), kind): is_new for (who, kind), is_new in compared.begun.items()},
            tuple((real.get(who, who), kind) for who, kind in compared.ended),
            tuple(_with_id(event, real) for event in compared.events),
        )

    def _write(self, connection: WriteConnection, target: _Target, events: Sequence[Event]) -> int:
        wanted = [event for event in events if target.wants(event.type, event.class_id)]
        of_students = [event for event in wanted if event.student_id is not None]
        many = of_students[MAX_EVENTS:]
        kept = [event for event in wanted if event.student_id is None] + of_students[:MAX_EVENTS]
        destination = target.destination
        for event in kept:
            students = [(event.class_id, event.student_id)] if event.student_id is not None else []
            body = webhook.payload(event.type, self._data(target, event), self._now)
            outbox.add_message(
                connection, destination.id, event.type, webhook.new_id(), body, self._now, students
            )
        if many:
            classes = Counter(event.class_id for event in many)
            data: dict[str, Any] = {
                "events": len(many),
                "classes": dict(classes),
                "url": dashboard_url(self._public_url),
            }
            body = webhook.payload(MANY, data, self._now)
            outbox.add_message(connection, destination.id, MANY, webhook.new_id(), body, self._now)
        if kept:
            what = f"{len(kept) + bool(many)} events, destination {destination.id} (webhook)"
            add_event(connection, target.owner.who, "events", f"{what}, {target.owner.names}")
        return len(kept) + bool(many)

    def _data(self, target: _Target, event: Event) -> dict[str, Any]:
        student_id = event.student_id
        if student_id is not None and target.owner.names != "full":
            student_id = Pseudonyms(load_key(self._workspace.home)).student_id(student_id)
        page = {"class": event.class_id} | ({"student": student_id} if student_id is not None else {})
        return {
            "class_id": event.class_id,
            "student_id": student_id,
            "kind": event.kind,
            "days": event.days,
            "url": dashboard_url(self._public_url, "student" if student_id is not None else "trends", **page),
        }


def _with_id(event: Event, real: Mapping[str, str]) -> Event:
    who = None if event.student_id is None else real.get(event.student_id, event.student_id)
    return Event(event.type, event.class_id, who, event.kind, event.days)
