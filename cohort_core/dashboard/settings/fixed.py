"""The sentence about settings that cannot be changed on a page."""

FIXED = "Somebody set this where Cohort Tracker is started, so it cannot be changed here."
