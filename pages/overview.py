"""The students who need a message first, the state of the class, and the news."""

from cohort_core.dashboard.layout import begin
from cohort_core.dashboard.sections import help_requests, overview, score_version

with begin("overview") as view:
    score_version.show(view)
    help_requests.show(view)
    overview.show(view)
    overview.arrange(view)
