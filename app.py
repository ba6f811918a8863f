"""The dashboard's entry: which page an address means, and nothing else."""

from cohort_core.dashboard.layout import navigate

navigate().run()
