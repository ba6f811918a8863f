"""What the pages of the dashboard share. Nothing else in cohort_core but the server knows Streamlit.

frame.py       begin(): what every page starts with
selection.py   which class and group a page is about, kept in the address
errors.py      what is shown when something goes wrong
sync.py        Sync now, its progress, and what came of it
changed.py     what changed since the sync before, or since a day
history.py     the syncs there were
connecting.py  the first minute: which school
following.py   which classes to follow
tables.py      a report as a table, columns explained by its row model
lists.py       small lists and bars
words.py       numbers and times in words; text that nothing may interpret
style.py       the few looks that a theme cannot set
options.py     Streamlit's own settings
asgi.py        all of it as an app that the server mounts
"""

from cohort_core.dashboard.errors import show_error
from cohort_core.dashboard.frame import View, begin, link, navigate
from cohort_core.dashboard.options import apply_streamlit_options, streamlit_options

__all__ = ["View", "apply_streamlit_options", "begin", "link", "navigate", "show_error", "streamlit_options"]
