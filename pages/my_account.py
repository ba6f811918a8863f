"""My account: what I see, and how I sign in."""

from cohort_core.dashboard.layout import begin
from cohort_core.dashboard.sections import my_account

with begin("my_account", needs_class=False) as view:
    my_account.show(view)
