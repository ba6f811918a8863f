"""Events: triage compared with the open spells."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohort_core.store.spells import Subject

if TYPE_CHECKING:
    from cohort_core.config.thresholds import Thresholds
    from cohort_core.metrics.triage import ClassTriage

MAX_EVENTS = 50
"""The most events about students that a destination gets of one sync."""
MANY = "needs_attention.many"
CAME_BACK, ALARM = "came_back", "cohort_alarm"


@dataclass(frozen=True)
class Event:
    """Something that happened to a student, or to a class as a whole."""

    type: str
    class_id: str
    student_id: str | None
    kind: str
    days: int | None
    """For how long it has been so; None for what ended."""


@dataclass(frozen=True)
class Comparison:
    """The changes in a class."""

    begun: Mapping[Subject, bool]
    """The new spells, each with whether an event is made of it."""
    ended: tuple[Subject, ...]
    events: tuple[Event, ...]


def basis(thresholds: Thresholds, version: int) -> str:
    """Return a short text that changes with all by which triage judges."""
    text = f"{version} {thresholds.model_dump_json()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def compare(
    part: ClassTriage, spells: Mapping[Subject, bool], hidden: Collection[str], *, silent: bool
) -> Comparison:
    """Compare triage with the open spells of a class.

    ``spells`` say of each whether it was announced. Of hidden students nothing new is announced. With
    ``silent`` nothing is, as after the first sync of a class.
    """
    now = {(entry.student_id or "", entry.kind): entry.days for entry in part.entries}
    now |= {(student_id, CAME_BACK): silent_for for student_id, (_, silent_for) in part.returned.items()}
    begun = {
        subject: not silent and (subject[0] not in hidden or subject[1] == CAME_BACK)
        for subject in now
        if subject not in spells
    }
    ended = tuple(subject for subject in spells if subject not in now)
    events = [
        Event(_type_of(kind), part.class_id, student_id or None, kind, now[student_id, kind])
        for (student_id, kind), is_announced in begun.items()
        if is_announced
    ]
    events += [
        Event("student.need_ended", part.class_id, student_id, kind, None)
        for student_id, kind in ended
        if not silent and spells[student_id, kind] and kind not in (CAME_BACK, ALARM)
    ]
    return Comparison(begun, ended, tuple(events))


def _type_of(kind: str) -> str:
    return {CAME_BACK: "student.came_back", ALARM: "class.alarm"}.get(kind, "student.needs_attention")
