"""A second computation of all reports, by plain loops over raw rows.

It shares no code with the program and prefers the slow and obvious way throughout, so a result on which both
agree is unlikely to be a slip of either. In this package `s` is the id of a student and `a` that of an
assignment; `everyone` are the students of the class and `students` those of the group.
"""

from .reports import detail_reports, main_reports, other_reports
from .school import UTC, WEEK, Row, School
from .triage import triage

__all__ = ["UTC", "WEEK", "Row", "School", "detail_reports", "main_reports", "other_reports", "triage"]
