"""Hiding: which hides hold, as the class is now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cohort_core.metrics.triage import ClassTriage
    from cohort_core.store.hides import Hide


def hidden_students(parts: Sequence[ClassTriage], hides: Iterable[Hide]) -> set[str]:
    """Return the ids of the students who are hidden in these classes.

    `parts` and `hides` use the same ids, real or pseudonymous.
    """
    by_class = {part.class_id: part for part in parts}
    return {
        hide.student_id
        for hide in hides
        if (part := by_class.get(hide.class_id)) is not None and holds(hide, part)
    }


def holds(hide: Hide, part: ClassTriage) -> bool:
    """Return True if a student is still hidden.

    *exempt* always holds. The others end on their day, with any activity where that was chosen, and at once
    when the student has become worse.
    """
    if hide.kind == "exempt":
        return True
    if not hide.holds_on(part.local_date):
        return False
    if hide.reason == "until_active" and _is_active_since(hide, part):
        return False
    return hide.entry_level is None or not part.is_worse(hide.student_id, hide.entry_level, hide.entry_kind)


def _is_active_since(hide: Hide, part: ClassTriage) -> bool:
    from cohort_core.timeutils import parse_as_of

    last = part.last_active.get(hide.student_id)
    return last is not None and last > parse_as_of(hide.made_at, "UTC")
