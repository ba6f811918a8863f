"""Reading: the data that a principal may see, with names or with pseudonyms."""

from __future__ import annotations

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
    """The data that a principal may see: the classes `class_ids`, None for all.

    Pages, API and exports read through this instead of the workspace, so that none of them can show names in
    anonymous mode or a class that may not be seen. Other classes are treated as if they did not exist: every
    method that takes a class raises ``UnknownClass`` for them.
    """

    workspace: Workspace
    anonymous: bool = False
    class_ids: frozenset[str] | None = None

    def find_class(self, reference: str) -> str:
        """Return an id or friendly id of a class that may be seen. Raises ``UnknownClass``.

        A reader of all classes returns `reference` unchecked: loading the class checks it.
        """
        if self.class_ids is None:
            return reference
        return classes.find_class(self.workspace.database, reference, among=self.class_ids)

    def statuses(self, *, active_only: bool = False) -> list[classes.ClassStatus]:
        """Return the classes that may be seen, with their counts."""
        statuses = self.workspace.cohorts.statuses(active_only=active_only)
        return [status for status in statuses if self.class_ids is None or status.id in self.class_ids]

    def class_data(self, reference: str) -> ClassData:
        """Return the data of a class."""
        reference = self.find_class(reference)
        return self.workspace.cohorts.class_data(reference, anonymous=self.anonymous)

    def cohort(
        self,
        reference: str,
        as_of: str | date | datetime | pd.Timestamp | None = None,
        group: str | None = None,
        type: str | None = None,
    ) -> Cohort:
        """Return a class at an instant, as `Cohorts.cohort` does."""
        reference = self.find_class(reference)
        return self.workspace.cohorts.cohort(reference, as_of, group, type, anonymous=self.anonymous)

    def changes(
        self, reference: str, since: str | None = None, until: str | None = None, group: str | None = None
    ) -> Report:
        """Return the changes of a class, as `Cohorts.changes` does."""
        reference = self.find_class(reference)
        return self.workspace.cohorts.changes(reference, since, until, group, anonymous=self.anonymous)

    def quarantined(self, reference: str | None = None) -> list[QuarantinedRecord]:
        """Return the records that cannot be used, of one class or all."""
        class_id = self.find_class(reference) if reference else None
        records = self.workspace.quarantined(class_id, anonymous=self.anonymous)
        return [item for item in records if self.class_ids is None or item.class_id in self.class_ids]

    def triage(
        self, limit: int | None = None, as_of: str | None = None, thresholds: Thresholds | None = None
    ) -> Triage:
        """Return the students who need the mentor in the active classes.

        Hidden students are left out. `limit` defaults to the threshold `triage_length`, `thresholds` to those
        of the settings.
        """
        from cohort_core.metrics.cohort import judged_by
        from cohort_core.reports import catalog

        limits = thresholds or self.workspace.settings().thresholds
        cohorts = [judged_by(cohort, limits) for cohort in self.active_cohorts(as_of)]
        max_entries = limits.triage_length if limit is None else limit
        return catalog.triage(cohorts, max_entries, self.hidden_students(cohorts))

    def hidden_students(self, cohorts: Sequence[Cohort]) -> set[str]:
        """Return the ids of the students of these classes who are hidden from triage."""
        days = {cohort.class_data.class_id: cohort.local_date for cohort in cohorts}
        ids = [
            self.workspace.cohorts.student_id_for(hide.class_id, hide.student_id, anonymous=self.anonymous)
            for hide in self.workspace.load_hides()
            if hide.class_id in days and hide.holds_on(days[hide.class_id])
        ]
        return {student_id for student_id in ids if student_id is not None}

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
        """Return a report about one class by its name, such as student-health.

        `more` are the parameters of some reports alone: student_id, assignment_id, since. Raises BadInput
        for an unknown report, for a parameter that it does not take, and for one that is missing.
        """
        from cohort_core.reports.catalog import find_report

        spec = find_report(name)
        given = {
            key: value
            for key, value in {"as_of": as_of, "group": group, "type": type, **more}.items()
            if value is not None
        }
        for key in given.keys() - spec.parameters:
            raise BadInput(f"{name} cannot be asked by {key}. Leave it out.", parameter=key)
        for key in spec.required:
            if key not in given:
                raise BadInput(f"{name} is about one of many. Say which by {key}.", parameter=key)
        if spec.scope == "span":
            return self.changes(reference, more.get("since"), as_of, group)
        if spec.scope == "data":
            return spec.function(self.class_data(reference), **given)
        selection = (given.pop(key, None) for key in ("as_of", "group", "type"))
        return spec.function(self.cohort(reference, *selection), **given)

    def active_cohorts(self, as_of: str | None = None) -> list[Cohort]:
        """Return the active classes as cohorts."""
        return [self.cohort(status.id, as_of=as_of) for status in self.statuses(active_only=True)]
