"""Thresholds: the numbers that sort people and assignments into bands and stages.

A mentor may change them. They travel with the Cohort, so that metrics stay pure, and pages, API and command
line always use the same ones.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Points = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=1, le=365)]


class Thresholds(BaseModel):
    """All thresholds, with the defaults that docs/metrics.md lists. Equal ones are equal cache keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    critical_gap: Points = Field(
        default=30.0, description="Critical: at least so many risk points behind the class's median."
    )
    high_gap: Points = Field(default=10.0, description="High: at least so many points behind it.")
    medium_gap: Points = Field(
        default=2.0, description="Medium: at least so many points behind it; on pace below."
    )
    stuck_days: Days = Field(
        default=7,
        description="A student is stuck after so many days in an assignment, or later where it takes the "
        "class longer.",
    )
    cooling_days: Days = Field(
        default=7, description="First step of silence: so many days without a start or completion."
    )
    quiet_days: Days = Field(default=14, description="Second step of silence: so many days without one.")
    gone_days: Days = Field(default=30, description="Third step of silence: so many days without one.")
    least_ranked: int = Field(
        default=5,
        ge=2,
        le=100,
        description="An assignment is ranked once so many students have reached it.",
    )
    triage_length: int = Field(default=7, ge=1, le=100, description="Needs attention lists so many at most.")

    @model_validator(mode="after")
    def _rise(self) -> Thresholds:
        if not self.medium_gap < self.high_gap < self.critical_gap:
            raise ValueError("must rise from medium_gap over high_gap to critical_gap")
        if not self.cooling_days < self.quiet_days < self.gone_days:
            raise ValueError("must rise from cooling_days over quiet_days to gone_days")
        return self

    @property
    def bands(self) -> tuple[tuple[str, float], ...]:
        """Bands and the points above the class's median where they begin, worst first.

        Below the last the band is "low".
        """
        return (("critical", self.critical_gap), ("high", self.high_gap), ("medium", self.medium_gap))

    @property
    def changed(self) -> dict[str, Any]:
        """The thresholds that differ from the defaults, by name."""
        return self.model_dump(exclude_defaults=True)


DEFAULTS = Thresholds()
