"""The student of a command, with their state at the last sync."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cohort_core.errors import BadInput
from cohort_core.services.hiding import holds

if TYPE_CHECKING:
    from cohort_core.metrics.triage import ClassTriage, TriageEntry
    from cohort_core.store.contacts import Contact
    from cohort_core.store.hides import Hide


@dataclass(frozen=True)
class Noted:
    """A contact as it was noted, with the day until which it hides."""

    contact: Contact
    hidden_until: date | None
    is_new: bool


@dataclass(frozen=True)
class Subject:
    """A student with both ids, the class, and its part in triage."""

    class_id: str
    student_id: str
    shown_id: str
    triage: ClassTriage
    timezone: str

    @property
    def level(self) -> str | None:
        """The risk level, None for a student who does not count."""
        return self.triage.levels.get(self.shown_id)

    @property
    def kind(self) -> str | None:
        """The gravest kind of entry of the student in triage, None without one."""
        from cohort_core.metrics.triage import GRAVITY

        kinds = {entry.kind for entry in self.triage.entries if entry.student_id == self.shown_id}
        return next((kind for kind in GRAVITY if kind in kinds), None)

    def entry_of(self, kind: str | None) -> TriageEntry | None:
        """Return the entry of this kind, or by default the one that triage lists.

        Raises ``BadInput`` for a kind that does not exist.
        """
        from cohort_core.metrics.triage import GRAVITY

        if kind is None:
            return self.triage.present_entry(self.shown_id)
        if kind not in GRAVITY:
            raise BadInput(f"There is no such kind. Choose one of: {', '.join(GRAVITY)}.", parameter="kind")
        mine = (entry for entry in self.triage.entries if entry.student_id == self.shown_id)
        return next((entry for entry in mine if entry.kind == kind), None)

    def is_hidden_by(self, hide: Hide) -> bool:
        """Return True if this hide of the student still holds."""
        return holds(replace(hide, student_id=self.shown_id), self.triage)

    def day_after(self, now: datetime, days: int) -> date:
        """Return the day so many days after today, in the class's time zone."""
        return now.astimezone(ZoneInfo(self.timezone)).date() + timedelta(days=days)
