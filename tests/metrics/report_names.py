"""The names of the reports, by what they are about, as the catalog has them."""

from __future__ import annotations

from collections.abc import Callable

from cohort_core.reports.catalog import REPORTS, ReportSpec


def _names(chosen: Callable[[ReportSpec], bool]) -> tuple[str, ...]:
    return tuple(name for name, spec in REPORTS.items() if chosen(spec))


MAIN_REPORTS = _names(lambda spec: spec.scope == "class" and spec.has_own_route)
OTHER_REPORTS = _names(lambda spec: spec.scope == "class" and not spec.has_own_route)
STUDENT_REPORTS = _names(lambda spec: spec.scope == "student" or spec.of_student is not None)
ASSIGNMENT_REPORTS = _names(lambda spec: spec.scope == "assignment")
