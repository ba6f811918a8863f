"""Making a digest from what a reader sees."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from cohort_core.formatting import count
from cohort_core.notify import digest as parts_of
from cohort_core.notify.digest import MAX_STUDENTS, STALE_HOURS, Digest, Line

if TYPE_CHECKING:
    from cohort_core.metrics.triage import ClassTriage
    from cohort_core.services.reader import Reader
    from cohort_core.store.classes import ClassStatus
    from cohort_core.store.destinations import Names

EVERYONE = 1_000_000
_FAILED = ("failed", "interrupted")


@dataclass(frozen=True)
class Before:
    """The last digest of a destination."""

    students: Collection[str]
    """The real ids of those it listed."""
    at: datetime


@dataclass(frozen=True)
class Made:
    """A digest, with class id and real student id of everybody who needs a message."""

    digest: Digest
    students: tuple[tuple[str, str], ...] = ()


def dashboard_url(public_url: str | None, page: str = "", **parameters: str) -> str | None:
    """Return the address of a page.

    None where no address is known under which people open this program.
    """
    if public_url is None:
        return None
    query = f"?{urlencode(parameters)}" if parameters else ""
    return f"{public_url}/dashboard/{page}{query}"


def make_digest(
    reader: Reader,
    names: Names,
    *,
    now: datetime,
    zone: ZoneInfo,
    public_url: str | None,
    before: Before | None = None,
) -> Made:
    """Make the digest of what a reader sees.

    `names` fit the reader: with *pseudonym* it must be an anonymous one. `before` is the last digest, without
    which nobody is marked as new.
    """
    return _Maker(reader, names, now, zone, public_url, before).make()


class _Maker:
    def __init__(
        self,
        reader: Reader,
        names: Names,
        now: datetime,
        zone: ZoneInfo,
        public_url: str | None,
        before: Before | None,
    ) -> None:
        self._reader = reader
        self._names = names
        self._now = now
        self._zone = zone
        self._public_url = public_url
        self._before = before
        self._classes = [status for status in reader.statuses(open_only=True) if status.synced_at]

    def make(self) -> Made:
        frame: dict[str, Any] = {
            "url": dashboard_url(self._public_url),
            "settings_url": dashboard_url(self._public_url, "settings", part="messages"),
        }
        warnings = self._warnings()
        synced = max(
            (datetime.fromisoformat(status.synced_at or "") for status in self._classes), default=None
        )
        if synced is None:
            return Made(Digest("There is no data yet, so there is no list today.", warnings, **frame))
        age = self._now - synced
        if age > timedelta(hours=STALE_HOURS):
            hours = int(age.total_seconds() // 3600)
            say = f"The data is {hours:,} hours old, so there is no list today. Sync, and see if it works."
            return Made(Digest(say, warnings, **frame))
        return self._list(synced, warnings, frame)

    def _warnings(self) -> tuple[str, ...]:
        """Say what is wrong with the last sync, if anything is."""
        latest = next((job for job in self._reader.jobs(5) if not job.is_running), None)
        if latest is None:
            return ()
        if latest.state in _FAILED:
            why = parts_of.clean(latest.error or "It was interrupted.")
            return (f"The last sync failed: {why}",)
        failed = [run.name for run in latest.runs if run.state == "failed"]
        return (parts_of.count_classes(failed, "could not be synced"),) if failed else ()

    def _list(self, synced: datetime, warnings: tuple[str, ...], frame: dict[str, Any]) -> Made:
        from cohort_core.metrics.blockers import reteach
        from cohort_core.metrics.triage import merge_triage

        parts: list[ClassTriage] = []
        hidden: set[str] = set()
        back: set[str] = set()
        again: list[tuple[int, float, str]] = []
        ids: dict[tuple[str, str], str] = {}
        for status in self._classes:
            # Class by class: a cohort is only kept while few others are.
            part = self._reader.class_triage(status.id)
            cohort = self._reader.cohort(status.id)
            parts.append(part)
            hidden |= self._reader.hidden_students(cohort)
            back |= self._came_back(status, part)
            real_ids = self._reader.real_ids(status.id)
            ids |= {
                (status.id, entry.student_id): real_ids.get(entry.student_id, entry.student_id)
                for entry in part.entries
                if entry.student_id is not None
            }
            rows = reteach(cohort)
            again += [
                (int(rows["stuck"].iloc[0]), float(rows["score"].iloc[0]), str(rows["name"].iloc[0]))
                for _ in range(min(len(rows), 1))
            ]
        listed, _ = merge_triage(parts, EVERYONE, hidden)
        is_student = listed["student_id"].notna()
        slow = listed.loc[~is_student, "class_name"].tolist()
        students = listed[is_student]
        real = [ids[key] for key in zip(students["class_id"], students["student_id"], strict=True)]
        is_new = self._is_new(real)
        top = max(again, default=None)
        headline = parts_of.headline(
            len(students),
            sum(is_new) if self._before else None,
            len(back),
            parts_of.describe_stuck(top[2], top[0]) if top else None,
            self._moment(synced),
        )
        has_many = len(self._classes) > 1
        lines = tuple(
            self._line(row, is_new=new, with_class=has_many)
            for row, new in zip(students.head(MAX_STUDENTS).itertuples(), is_new, strict=False)
        )
        notes = self._asked_for_help()
        if slow:
            notes += (parts_of.count_classes(slow, "slowed down as a whole"),)
        footer = self._footer() if lines else ""
        made = Digest(headline, warnings, notes, lines, len(students) - len(lines), footer=footer, **frame)
        return Made(made, tuple(zip(students["class_id"], real, strict=True)))

    def _footer(self) -> str:
        return parts_of.sentence_about_names(self._names, has_links=self._public_url is not None)

    def _asked_for_help(self) -> tuple[str, ...]:
        """Say how many students ask for help, but not with what."""
        shown = {status.id for status in self._classes}
        waiting = {
            (item.class_id, item.student_id)
            for item in self._reader.help_requests()
            if item.answered_at is None and item.class_id in shown
        }
        return (f"{count(len(waiting), 'student asks', 'students ask')} for help.",) if waiting else ()

    def _came_back(self, status: ClassStatus, part: ClassTriage) -> set[str]:
        """Return who came back since the last digest, else in the last day."""
        since = self._now - timedelta(days=1)
        if self._before is not None:
            last = self._reader.last_sync_before(status.id, self._before.at)
            since = datetime.fromisoformat(last) if last else self._before.at
        return {student_id for student_id, (at, _) in part.returned.items() if at > since}

    def _is_new(self, real_ids: list[str]) -> list[bool]:
        if self._before is None:
            return [False] * len(real_ids)
        return [real_id not in self._before.students for real_id in real_ids]

    def _line(self, row: Any, *, is_new: bool, with_class: bool) -> Line:
        reason = f"{row.brief} · {parts_of.clean(row.class_name, 40)}" if with_class else row.brief
        shown_id = row.student_id
        if self._names == "initial":
            # An id that OpenClass knows is as good as a name.
            shown_id = self._reader.pseudonym_of(row.class_id, row.student_id)
        url = dashboard_url(self._public_url, "student", **{"class": row.class_id, "student": shown_id})
        return parts_of.line(
            self._name(row.class_id, row.student_id, row.name), reason, is_new=is_new, url=url
        )

    def _name(self, class_id: str, student_id: str, shown: str) -> str:
        """Return the name of a student as this destination may read it, never an email."""
        if self._names == "pseudonym":
            return shown
        everyone = self._reader.class_data(class_id).students.set_index("student_id")
        first, last = (_text(everyone[part].get(student_id)) for part in ("first_name", "last_name"))
        if self._names == "initial":
            return f"{first} {last[:1]}." if last else first
        return f"{first} {last}".strip()

    def _moment(self, synced: datetime) -> str:
        local, today = synced.astimezone(self._zone), self._now.astimezone(self._zone).date()
        day = (
            ""
            if local.date() == today
            else "yesterday, "
            if today - local.date() == timedelta(days=1)
            else ""
        )
        return f"{day}{local:%H:%M}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
