"""How bands and states are shown everywhere: word, mark and colour.

Every colour here stands out from white and from near-black, and each set was chosen so that colour-blind
people can tell its colours apart; a label or a shape says the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from cohort_core.reports.rows import Band


@dataclass(frozen=True)
class BandLook:
    """How a risk band is shown everywhere: word, shape, colour, in this order of need."""

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


RISK_PARTS = {
    "missing_points": ("Not done", "#2f7f88"),
    "marks_points": ("Marks lost", "#d98a1f"),
    "late_points": ("Late", "#8a6bb0"),
    "quiet_points": ("Silent", "#7d878c"),
}


DIFFICULTY_PARTS = {
    "incomplete_points": ("Not completed", "#2f7f88"),
    "marks_points": ("Marks lost", "#d98a1f"),
    "slow_points": ("Slow", "#8a6bb0"),
}


ACCENT, SECOND, NEUTRAL = "#2f7f88", "#d98a1f", "#93a0a4"


STATES = {
    "completed": ("Completed", ACCENT, ""),
    "in_progress": ("In progress", "#e3a94f", "•"),
    "stuck": ("Stuck", "#c8452b", "!"),
    "not_started": ("Not started", "#93a0a430", ""),
}
"""Of a student in an assignment: word, colour, and the mark in the matrix."""
