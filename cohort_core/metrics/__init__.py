"""The metrics, one file a theme. Each is a pure function of a Cohort and returns a frame."""
