"""The triage list: students who need a mentor, and classes that have stalled."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

import numpy as np
import pandas as pd

from cohort_core.caching import cached_on
from cohort_core.formatting import days, one_decimal, points
from cohort_core.metrics.activity import Return, enrolled_days, last_activity, returns
from cohort_core.metrics.brief import brief_reasons
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.durations import stuck
from cohort_core.metrics.health import is_early_warning
from cohort_core.metrics.reasons import reasons
from cohort_core.metrics.risk import NEEDS_ATTENTION, gather_evidence, risk
from cohort_core.metrics.urgency import LEVELS, URGENCIES, urgency
from cohort_core.metrics.velocity import cohort_alarm

# Of entries that have lasted equally long the first of these kinds counts: the one that says most.
KINDS = ("never_started", "stuck", "engagement_gap", "risk", "cohort_alarm")
VERSION = 1
"""Grows when the same data gives other entries.

So it does with a new kind, or with a new version of the risk score. Then no events are sent, since nothing
happened to the students.
"""
GRAVITY = ("never_started", "risk", "stuck", "engagement_gap")
"""The kinds of entries about students, the gravest first."""


@dataclass(frozen=True)
class TriageEntry:
    """A reason to write to a student, or to look at a whole class."""

    kind: str
    class_id: str
    class_name: str
    student_id: str | None
    """None if the entry is about the class."""
    name: str
    days: int
    """For how long it has been so."""
    risk_gap: float
    """Points above the middle of the class, 0 for a class."""
    reason: str
    ends: str
    """The event that takes the entry off the list."""
    assignment_id: str | None = None
    """The assignment in which the student is stuck."""
    urgency: str = ""
    """One of URGENCIES; of a student all entries have the same."""
    risk: str | None = None
    """The risk level of the student, None for a class."""
    brief: str = ""
    """The main numbers in a few words, first those that decide the urgency."""


@dataclass(frozen=True)
class ClassTriage:
    """All that triage needs of a class: some kilobytes, where its cohort has some hundred.

    So triage over many classes can keep the parts of all of them.
    """

    class_id: str
    as_of: pd.Timestamp
    synced_at: pd.Timestamp | None
    local_date: date
    """The day of *as of* in the class's time zone."""
    names: Mapping[str, str]
    """The name of each student, by id."""
    emails: Mapping[str, str]
    """The address of each student who has one, by id."""
    entries: tuple[TriageEntry, ...]
    levels: Mapping[str, str]
    """The risk level of each student, by id."""
    last_active: Mapping[str, pd.Timestamp]
    """The latest start or completion of each student who has one, by id."""
    returned: Mapping[str, Return]
    """Students who came back in the last 7 days, by id: instant and silent days."""

    def present_entry(self, student_id: str) -> TriageEntry | None:
        """Return the entry with which triage lists a student, or None for none."""
        mine = [entry for entry in self.entries if entry.student_id == student_id]
        return min(mine, key=_sort_key, default=None)

    def is_worse(self, student_id: str, level: str, kind: str | None) -> bool:
        """Return True if a student is worse than this risk level and entry.

        Worse is a higher level, or an entry of a graver kind.
        """
        now = self.levels.get(student_id)
        if now is not None and level in LEVELS and LEVELS.index(now) > LEVELS.index(level):
            return True
        graver = GRAVITY[: GRAVITY.index(kind)] if kind in GRAVITY else GRAVITY
        return any(entry.student_id == student_id and entry.kind in graver for entry in self.entries)


@cached_on
def class_triage(cohort: Cohort) -> ClassTriage:
    """Collect the entries of one class, with their urgency."""
    activity = last_activity(cohort)["last_activity_at"].dropna()
    emails = cohort.students["email"].dropna()
    scored = risk(cohort)
    levels = dict(zip(scored.index, scored["band"], strict=True))
    groups, briefs = urgency(cohort), brief_reasons(cohort)
    return ClassTriage(
        class_id=cohort.class_data.class_id,
        as_of=cohort.as_of,
        synced_at=cohort.class_data.synced_at,
        local_date=cohort.local_date,
        names=dict(zip(cohort.students.index, cohort.students["name"], strict=True)),
        emails=dict(zip(emails.index, emails, strict=True)),
        entries=tuple(
            replace(
                entry,
                urgency=groups[entry.student_id].group,
                risk=levels[entry.student_id],
                brief=briefs[entry.student_id],
            )
            if entry.student_id is not None
            else replace(entry, urgency="class", brief=entry.reason)
            for entry in entries_of(cohort)
        ),
        levels=levels,
        last_active=dict(zip(activity.index, activity, strict=True)),
        returned=returns(cohort.classwide),
    )


def entries_of(cohort: Cohort) -> Iterator[TriageEntry]:
    """Yield the entries of one class without urgency, level and short reason."""
    return _CohortEntries(cohort).all()


def merge_triage(
    classes: Sequence[ClassTriage],
    limit: int,
    hidden: Collection[str] = (),
    last_contacts: Mapping[str, pd.Timestamp] | None = None,
) -> tuple[pd.DataFrame, int]:
    """Merge the entries of all classes into one list, the most urgent first.

    Returns at most `limit` rows, and the number of rows left out. Columns: those of TriageEntry, also (the
    other kinds of the same student or class), and last_contact (of `last_contacts`, by student id; NaT
    without any). A student with several entries, or in several classes, is listed once, with the first
    entry by urgency, risk and days. Students whose ids are in `hidden` are left out, whatever their class.
    """
    entries = [entry for part in classes for entry in part.entries if entry.student_id not in hidden]
    entries.sort(key=_sort_key)
    first: dict[str, TriageEntry] = {}
    kinds: dict[str, set[str]] = {}
    for entry in entries:
        subject = f"student {entry.student_id}" if entry.student_id else f"class {entry.class_id}"
        first.setdefault(subject, entry)
        kinds.setdefault(subject, set()).add(entry.kind)
    shown = dict(islice(first.items(), limit))
    columns = list(TriageEntry.__dataclass_fields__)
    frame = pd.DataFrame([vars(entry) for entry in shown.values()], columns=columns)
    also = [
        [kind for kind in KINDS if kind in kinds[subject] and kind != entry.kind]
        for subject, entry in shown.items()
    ]
    frame["also"] = pd.Series(also, dtype="object")
    written = last_contacts or {}
    moments = [written.get(entry.student_id or "", pd.NaT) for entry in shown.values()]
    frame["last_contact"] = pd.Series(moments, dtype="datetime64[us, UTC]")
    return frame, len(first) - len(shown)


def _sort_key(entry: TriageEntry) -> tuple[float | str, ...]:
    # The id decides between two students of the same name, so that the list is the same every time.
    by_name = (entry.name.casefold(), entry.name, KINDS.index(entry.kind), entry.student_id or "")
    place = URGENCIES.index(entry.urgency) if entry.urgency else len(URGENCIES)
    return (place, -entry.risk_gap, -entry.days, *by_name)


_STUCK_COLUMNS = ("student_id", "assignment_id", "assignment", "days_open")


class _CohortEntries:
    """Makes the entries of one cohort, kind by kind."""

    def __init__(self, cohort: Cohort) -> None:
        self.cohort = cohort
        self.scored = risk(cohort)
        self.activity = last_activity(cohort)
        self._gaps = dict(zip(self.scored.index, self.scored["gap"], strict=True))
        self._names = cohort.students["name"].to_dict()

    def all(self) -> Iterator[TriageEntry]:
        yield from self.at_risk()
        yield from self.stuck()
        yield from self.engagement_gap()
        yield from self.never_started()
        yield from self.cohort_alarm()

    def at_risk(self) -> Iterator[TriageEntry]:
        """Yield the students with critical or high risk."""
        cohort, scored = self.cohort, self.scored
        evidence = gather_evidence(cohort.classwide)
        place = cohort.classwide.students.index.get_indexer(cohort.students.index)
        silent = np.minimum(evidence.days_silent[place], enrolled_days(cohort))
        high = f"{cohort.thresholds.high_gap:g}"
        chosen = scored["band"].isin(NEEDS_ATTENTION)
        sentences = iter(reasons(cohort, scored[chosen], evidence))
        for student_id, band, gap, quiet in zip(
            scored.index[chosen], scored["band"][chosen], scored["gap"][chosen], silent[chosen], strict=True
        ):
            first = " ".join(next(sentences)[:1])
            reason = f"{band.capitalize()}: {points(gap)} behind the class. {first}"
            ends = f"Ends when the score is less than {high} points behind the class."
            yield self._entry("risk", student_id, quiet, reason.strip(), ends)

    def stuck(self) -> Iterator[TriageEntry]:
        """Yield the students who are stuck and have not completed anything else meanwhile."""
        stuck_work = stuck(self.cohort)
        longest = stuck_work[~stuck_work["is_parked"]].drop_duplicates("student_id")
        columns = [longest[name].tolist() for name in _STUCK_COLUMNS]
        for student_id, assignment_id, assignment, open_for in zip(*columns, strict=True):
            reason = f"Has been in {assignment} for {days(open_for)}."
            ends = f"Ends when {assignment} or something else is completed."
            yield self._entry("stuck", student_id, open_for, reason, ends, assignment_id)

    def engagement_gap(self) -> Iterator[TriageEntry]:
        """Yield the students who are on pace and have gone silent."""
        chosen = is_early_warning(self.scored["band"], self.activity["stage"])
        for student_id, quiet in self.activity.loc[chosen, "days_silent"].items():
            reason = f"Keeps up with the class, but nothing started or completed for {days(quiet)}."
            ends = "Ends with any start or completion."
            yield self._entry("engagement_gap", str(student_id), quiet, reason, ends)

    def never_started(self) -> Iterator[TriageEntry]:
        """Yield the students who have started nothing."""
        chosen = (self.activity["stage"] == "never_started").to_numpy()
        enrolled = enrolled_days(self.cohort)[chosen]
        for student_id, since in zip(self.activity.index[chosen], enrolled, strict=True):
            reason = f"Enrolled {days(since)} ago and has started nothing."
            ends = "Ends with the first start, or a day of withdrawal on the roster."
            yield self._entry("never_started", student_id, since, reason, ends)

    def cohort_alarm(self) -> Iterator[TriageEntry]:
        """Yield the class if it has stalled as a whole."""
        class_data = self.cohort.class_data
        alarm = cohort_alarm(self.cohort.classwide).iloc[0]
        if alarm["alarm"]:
            yield TriageEntry(
                kind="cohort_alarm",
                class_id=class_data.class_id,
                class_name=class_data.name,
                student_id=None,
                name=class_data.name,
                days=(pd.Timestamp(self.cohort.local_date) - alarm["week"]).days,
                risk_gap=0.0,
                reason=(
                    f"The class completed {one_decimal(alarm['velocity'])} assignments a student in its last "
                    f"full week, where it had {one_decimal(alarm['usual_velocity'])} in the four weeks "
                    "before."
                ),
                ends="Ends with a full week of at least half of the four before it.",
            )

    def _entry(
        self,
        kind: str,
        student_id: str,
        days: float,
        reason: str,
        ends: str,
        assignment_id: str | None = None,
    ) -> TriageEntry:
        class_data = self.cohort.class_data
        return TriageEntry(
            kind=kind,
            class_id=class_data.class_id,
            class_name=class_data.name,
            student_id=student_id,
            name=self._names[student_id],
            days=max(int(days), 0),
            risk_gap=self._gaps[student_id],
            reason=reason,
            ends=ends,
            assignment_id=assignment_id,
        )
