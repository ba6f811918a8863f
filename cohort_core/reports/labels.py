"""Words, marks and colours of bands and states, the same everywhere.

Every colour stands out from white and from near-black. Colour-blind people can tell the colours of each set
apart, and a label or a shape always says the same as the colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cohort_core.config.thresholds import DEFAULTS, Thresholds
from cohort_core.formatting import days, long_day
from cohort_core.reports.row_models import Band, Stage, TriageKind, Urgency
from cohort_core.store.hides import Hide


@dataclass(frozen=True)
class BandLook:
    """The look of a risk band: word, shape and colour."""

    label: str
    shape: str
    colour: str

    @property
    def marked(self) -> str:
        return f"{self.shape} {self.label}"


BANDS: dict[Band, BandLook] = {
    "critical": BandLook("Critical", "◆", "#c8452b"),
    "high": BandLook("High", "▲", "#d98a1f"),
    "medium": BandLook("Medium", "●", "#6f8fb5"),
    "low": BandLook("On pace", "○", "#3f8f86"),
}

ON_PACE_SO_FAR = "On pace so far"


def student_look(band: Band, *, is_slowing: bool) -> BandLook:
    """Return the look of a student's risk level.

    `is_slowing` is True for a student who is silent or stuck, or never started. Such a student is not "On
    pace" but "On pace so far": the work until now is done, and it has stopped.
    """
    look = BANDS[band]
    return replace(look, label=ON_PACE_SO_FAR) if band == "low" and is_slowing else look


def look_of(row: Mapping[Any, Any]) -> BandLook:
    """Return the look of the risk level in a row of ``student_health``."""
    is_slowing = row["stage"] not in ("new", "active") or row["stuck"] > 0
    return student_look(row["risk"], is_slowing=is_slowing)


RISK_PARTS = {
    "missing_points": ("Missing", "#2f7f88"),
    "marks_points": ("Low grades", "#d98a1f"),
    "late_points": ("Late", "#8a6bb0"),
    "quiet_points": ("Silent", "#7d878c"),
}


ACCENT, SECOND, NEUTRAL = "#2f7f88", "#d98a1f", "#93a0a4"


STATES = {
    "completed": ("Completed", ACCENT, ""),
    "in_progress": ("In progress", "#e3a94f", "•"),
    "stuck": ("Stuck", "#c8452b", "!"),
    "not_started": ("Not started", "#93a0a430", ""),
}
"""Word, colour and mark in the matrix, by state of a student in an assignment."""


STUDENT_STATES = {
    "completed": STATES["completed"][:2],
    "in_progress": STATES["in_progress"][:2],
    "stuck": STATES["stuck"][:2],
    "skipped": ("Skipped", "#8a6bb0"),
    "not_reached": ("Not reached", NEUTRAL),
}
"""Word and colour on the page Assignment, by state of a student."""


STAGES: dict[Stage, str] = {
    "new": "New",
    "active": "Active",
    "cooling": "Silent for a week",
    "quiet": "Silent for two weeks",
    "gone": "Silent for a month",
    "never_started": "Never started",
}
"""Words by stage of a student's activity, with the default thresholds."""


def stage_words(limits: Thresholds) -> dict[Stage, str]:
    """Return the words by stage of activity, with the days of these thresholds."""
    steps: dict[Stage, int] = {
        "cooling": limits.cooling_days,
        "quiet": limits.quiet_days,
        "gone": limits.gone_days,
    }
    defaults = (DEFAULTS.cooling_days, DEFAULTS.quiet_days, DEFAULTS.gone_days)
    if tuple(steps.values()) == defaults:
        return STAGES
    return STAGES | {stage: f"Silent for {days(number)} or more" for stage, number in steps.items()}


URGENCIES: dict[Urgency, tuple[str, str]] = {
    "class": ("Whole class", "The whole class has slowed down."),
    "slipping": (
        "Slipping now",
        "A higher risk level than a week ago, silent for one to three weeks, or stuck since this week.",
    ),
    "far_behind": ("Far behind", "Critical or high risk, and not new this week."),
    "never_started": ("Never started", "Has not started any assignment."),
    "silent": ("Silent", "On pace or medium risk, and silent or stuck for longer."),
}
"""Word and meaning by group of the list Needs attention, in its order."""


KINDS: dict[TriageKind, str] = {
    "risk": "At risk",
    "stuck": "Stuck",
    "engagement_gap": "Keeping up, but silent",
    "never_started": "Never started",
    "cohort_alarm": "Class slow",
}
"""Word by kind of a triage entry."""


OUTCOMES = {
    "came_back": "came back",
    "reason_gone": "came back, nothing left to worry about",
    "left": "left since",
    "nothing_since": "nothing since",
    "too_early": "too early to tell",
}
"""Words by outcome of a contact."""


def describe_hide(hide: Hide) -> str:
    """Describe until when a student is hidden.

    For example "until Friday 4 December 2026, after a contact".
    """
    why = ", after a contact" if hide.contact_id is not None else ""
    if hide.until is not None:
        return f"until {hide.until:%A} {long_day(hide.until)}{why}"
    if hide.reason == "until_active":
        return "until they come back"
    return "wrongly listed" if hide.reason == "wrong" else "for good"
