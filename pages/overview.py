"""The students who need a message first, the state of the class, and the news."""

from cohort_core.dashboard.layout import begin, part
from cohort_core.dashboard.sections import help_requests, overview, score_version

with begin("overview") as view:
    score_version.show(view)
    part(help_requests.show, view)
    overview.show(view)
    overview.arrange(view)
