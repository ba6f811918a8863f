"""The parts that the dashboard's pages are built from.

In cohort_core, only this package uses Streamlit; this file does not import it. A page in pages/ begins with
`begin`, asks a report for its numbers, and renders them with sections and components.

layout.py               begin(): the start of every page; part(), lazy_expander(): parts that rerun alone
sidebar.py              the choices in the sidebar: class, group, type, day, names
url_state.py            the choices in the address: class, part of it, day, names
sync_panel.py           the Sync now button, the progress of a sync, and its result
visits.py               when the mentor was last here
errors.py               exceptions as notices on a page
late_messages.py        drops requests and answers that belong to a page no longer shown
streamlit_config.py     Streamlit's own settings
asgi.py                 the dashboard as an app that the server mounts
first_page.py           Streamlit's first page with our scripts, also before Streamlit is imported

components/             small parts that several pages use
  choosers.py           choose the student or the assignment that a page is about
  downloads.py          the Download menu beside a heading
  lists.py              small lists, bars and legends
  message.py            a draft of a first message to a student
  style.py              the few styles that a theme cannot set
  tables.py             a report as a table; the row model explains its columns
  text.py               numbers and times as text; escaping for Markdown and HTML

sections/               larger parts of pages, one file each
  headline.py           the top of the Overview: the state of the class and its figures
  triage.py             the students who need a message first
  hides.py              hide students from the triage list, and show them again
  changes.py            the changes since the last visit, the sync before, or a day
  class_comparison.py   the class beside the mentor's other classes
  student.py            the text and the tables of the Student page
  student_filter.py     students by risk band, activity and name
  assignment.py         the text and the table of the Assignment page
  matrix.py             all students by all assignments
  followed_classes.py   the classes that a mentor follows
  sync_history.py       past syncs, and records that a sync set aside

settings/               the parts of the Settings page, and the Connect page
  connection.py         connect to a school, and choose classes
  thresholds.py         where risk bands and stages begin, with a preview of the effect
  roster_import.py      import a roster or mentors from a file, with a preview
  schedule.py           how often classes sync automatically
  time_zones.py         time zones, and the first day of a class
  data_and_privacy.py   pseudonyms for everybody, the data folder, backups, the check-up
"""
