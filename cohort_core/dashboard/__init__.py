"""What the pages of the dashboard share. Nothing else in cohort_core but the server knows Streamlit.

frame.py       begin(): what every page starts with; part(), folded(): what is drawn anew alone
stale.py       what a page asked for that is no longer shown
selection.py   which class, which part of it and which day a page is about, kept in the address
filters.py     the choices in the sidebar
errors.py      what is shown when something goes wrong
headline.py    the figures at the top of the Overview
triage.py      who needs a message first
people.py      students, narrowed to those that are looked for
person.py      what the page of a student says
message.py     a first message to a student
work.py        what the page of an assignment says
matrix.py      every student in every assignment
picking.py     which student or assignment a page is about
sync.py        Sync now, its progress, and what came of it
changed.py     what changed since the last visit, the sync before, or a day
compared.py    the class beside the other classes
visits.py      when the mentor was here last
downloads.py   what a page shows, as files
history.py     the syncs there were
connecting.py  the first minute: which school
following.py   which classes to follow
thresholds.py  where bands and stages begin, and what other numbers would change
importing.py   roster and mentors from a file, with what would be imported
scheduling.py  how often it syncs by itself
calendars.py   time zones, and when a class starts
keeping.py     pseudonyms for everybody, the data folder, backups, the check-up
tables.py      a report as a table, columns explained by its row model
lists.py       small lists and bars
words.py       numbers and times in words; text that nothing may interpret
style.py       the few looks that a theme cannot set
options.py     Streamlit's own settings
asgi.py        all of it as an app that the server mounts
"""

from cohort_core.dashboard.errors import show_error
from cohort_core.dashboard.layout import View, begin, folded, link, navigate, open_page, part
from cohort_core.dashboard.streamlit_config import apply_streamlit_options, streamlit_options

__all__ = [
    "View",
    "apply_streamlit_options",
    "begin",
    "folded",
    "link",
    "navigate",
    "open_page",
    "part",
    "show_error",
    "streamlit_options",
]
