"""What somebody may read: who may see some of the classes only, and who sees pseudonyms only."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from cohort_core.errors import BadInput
from cohort_core.services.workspace import Workspace
from cohort_core.store import classes
from cohort_core.store.sync_runs import QuarantinedRecord

if TYPE_CHECKING:
    import pandas as pd

    from cohort_core.config.thresholds import Thresholds
    from cohort_core.metrics.cohort import Cohort
    from cohort_core.reports.catalog import Triage
    from cohort_core.reports.report import Report
    from cohort_core.store.class_data import ClassData


@dataclass(frozen=True)
class Reader:
    """What a workspace tells about the people of a class: all with their names, or all with pseudonyms.

    Who answers questions takes this instead of the workspace, so that no answer forgets to be anonymous, or
    tells of a class that is not for whoever asks: beside `class_ids`, unless None, there are no classes.
    """

    workspace: Workspace
    anonymous: bool = False
    class_ids: frozenset[str] | None = None

    def find_class(self, reference: str) -> str:
        """What stands for a class that may be seen; raises ``UnknownClass``."""
        if self.class_ids is None:
            return reference
        return classes.find_class(self.workspace.database, reference, among=self.class_ids)

    def statuses(self, *, active_only: bool = False) -> list[classes.ClassStatus]:
        found = self.workspace.cohorts.statuses(active_only=active_only)
        return [one for one in found if self.class_ids is None or one.id in self.class_ids]

    def class_data(self, reference: str) -> ClassData:
        reference = self.find_class(reference)
        return self.workspace.cohorts.class_data(reference, anonymous=self.anonymous)

    def cohort(
        self,
        reference: str,
        as_of: str | date | datetime | pd.Timestamp | None = None,
        group: str | None = None,
        type: str | None = None,
    ) -> Cohort:
        reference = self.find_class(reference)
        return self.workspace.cohorts.cohort(reference, as_of, group, type, anonymous=self.anonymous)

    def changes(
        self, reference: str, since: str | None = None, until: str | None = None, group: str | None = None
    ) -> Report:
        reference = self.find_class(reference)
        return self.workspace.cohorts.changes(reference, since, until, group, anonymous=self.anonymous)

    def quarantined(self, reference: str | None = None) -> list[QuarantinedRecord]:
        class_id = self.find_class(reference) if reference else None
        records = self.workspace.quarantined(class_id, anonymous=self.anonymous)
        return [one for one in records if self.class_ids is None or one.class_id in self.class_ids]

    def triage(
        self, limit: int | None = None, as_of: str | None = None, thresholds: Thresholds | None = None
    ) -> Triage:
        """Who needs the mentor, over the classes they follow, without those who are settled.

        As many as the thresholds say, unless a limit is given. `thresholds`: others than those that are set.
        """
        from cohort_core.metrics.cohort import judged_by
        from cohort_core.reports import catalog

        limits = thresholds or self.workspace.settings().thresholds
        cohorts = [judged_by(one, limits) for one in self.active_cohorts(as_of)]
        most = limits.triage_length if limit is None else limit
        return catalog.triage(cohorts, most, self.hidden_students(cohorts))

    def hidden_students(self, cohorts: Sequence[Cohort]) -> set[str]:
        """The students of these classes who are left out: done for today, or exempt."""
        days = {one.class_data.class_id: one.local_date for one in cohorts}
        known = [
            self.workspace.cohorts.student_id_for(hide.class_id, hide.student_id, anonymous=self.anonymous)
            for hide in self.workspace.hides()
            if hide.class_id in days and hide.holds_on(days[hide.class_id])
        ]
        return {student_id for student_id in known if student_id is not None}

    def report(
        self,
        name: str,
        reference: str,
        *,
        as_of: str | None = None,
        group: str | None = None,
        type: str | None = None,
        **more: str | None,
    ) -> Report:
        """An answer about one class by its name, such as student-health.

        `more` is what some reports can be asked besides: student_id, assignment_id, since. Raises BadInput
        for a report that is not there, or that cannot be asked so.
        """
        from cohort_core.reports import catalog

        found = name.strip().replace("-", "_")
        known = [one for one, answer in catalog.REPORTS.items() if answer.function is not catalog.triage]
        if found not in known:
            names = ", ".join(one.replace("_", "-") for one in known)
            raise BadInput(f"There is no such report. Choose one of: {names}.", parameter="report")
        ask = catalog.REPORTS[found].function
        about, *asked = inspect.signature(ask).parameters.values()
        takes = {"as_of", "group", "type"} if about.name == "cohort" else set()
        takes |= {"since", "as_of", "group"} if found == "changes" else {one.name for one in asked}
        given = {
            key: value
            for key, value in {"as_of": as_of, "group": group, "type": type, **more}.items()
            if value is not None
        }
        for key in given.keys() - takes:
            raise BadInput(f"{name} cannot be asked by {key}. Leave it out.", parameter=key)
        if found == "changes":
            return self.changes(reference, more.get("since"), as_of, group)
        for one in asked:
            if one.default is one.empty and one.name not in given:
                raise BadInput(f"{name} is about one of many. Say which by {one.name}.", parameter=one.name)
        if about.name == "class_data":
            return ask(self.class_data(reference), **given)
        chosen = (given.pop(one, None) for one in ("as_of", "group", "type"))
        return ask(self.cohort(reference, *chosen), **given)

    def active_cohorts(self, as_of: str | None = None) -> list[Cohort]:
        """The classes that the mentor follows."""
        return [self.cohort(one.id, as_of=as_of) for one in self.statuses(active_only=True)]
