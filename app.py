"""The entry of the dashboard: it runs the page that the address means, and does nothing else."""

from cohort_core.dashboard.layout import navigate

navigate().run()
