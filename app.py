"""The dashboard's entry: which page an address means, and nothing else."""

from cohort_core import dashboard

dashboard.navigate().run()
