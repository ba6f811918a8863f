"""Outcomes of contacts: by hand, against a naive twin, on the replayed classes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort_core.metrics import outcomes
from cohort_core.metrics.cohort import build
from cohort_core.metrics.triage import GRAVITY, class_triage
from cohort_core.practice.generated import PracticeSchool
from cohort_core.practice.school import row_id
from cohort_core.reports import catalog
from cohort_core.store.class_data import ClassData, empty

from .naive.outcomes import outcomes as naive_outcomes
from .naive.outcomes import usual as naive_usual
from .random_classes import QUICK, Row, classes, instants
from .school import columns, data_of, small_class, work


def frame(contacts: list[Row]) -> pd.DataFrame:
    """Return contacts as the metric takes them."""
    given_columns = {
        name: pd.Series([contact.get(name) for contact in contacts], dtype="object")
        for name in outcomes.CONTACT_COLUMNS
    }
    given_columns["at"] = pd.to_datetime(given_columns["at"], utc=True)
    return pd.DataFrame(given_columns).astype(outcomes.CONTACT_COLUMNS)


def contact(number: int, student: str, at: str, kind: str | None = None) -> Row:
    return {
        "contact_id": number,
        "student_id": student,
        "at": pd.Timestamp(at, tz="UTC"),
        "kind": kind,
        "channel": "email",
    }


def test_the_words_by_hand() -> None:
    """As of Friday the 28th of March; see `small_class`."""
    contacts = frame(
        [
            # Completed a3 a day later; on the 21st nothing is listed of ana.
            contact(1, "ana", "2025-03-14 10:00", "stuck"),
            # Nothing in the four days up to now, and it is not over.
            contact(2, "cy", "2025-03-25 10:00", "stuck"),
            # Nothing in fourteen days.
            contact(3, "cy", "2025-03-13 10:00", "stuck"),
            # Never started anything.
            contact(4, "fay", "2025-03-20 10:00", "never_started"),
            # Not in the class.
            contact(5, "gone", "2025-03-20 10:00"),
            # Began on the very instant of the contact: that is not after it.
            contact(6, "ed", "2025-03-27 10:00"),
            # Came back within the week, which is not over.
            contact(7, "bo", "2025-03-22 10:00"),
            # Is later than as of.
            contact(8, "bo", "2025-03-29 10:00"),
        ]
    )
    report = catalog.outcomes(small_class(), contacts)
    assert columns(report, "contact_id", "outcome_7", "outcome_14") == [
        (6, "too_early", "too_early"),
        (2, "too_early", "too_early"),
        (7, "came_back", "came_back"),
        (5, "left", "left"),
        (4, "nothing_since", "too_early"),
        (1, "reason_gone", "came_back"),
        (3, "nothing_since", "nothing_since"),
    ]
    assert columns(report, "came_back_at", "event", "assignment")[2] == (
        "2025-03-24T10:00:00.000Z",
        "started",
        "A3",
    )
    rows = {
        (row["kind"], row["days"]): row for row in catalog.outcomes_by_kind(small_class(), contacts).records()
    }
    stuck = rows["stuck", 7]
    assert (stuck["contacts"], stuck["came_back"], stuck["reason_gone"]) == (3, 1, 1)
    assert (stuck["nothing_since"], stuck["too_early"], stuck["judged"], stuck["share"]) == (1, 1, 2, None)


def test_a_withdrawal_is_counted_apart() -> None:
    rows = [work("ana", "a1", "2025-03-10 10:00", "2025-03-11 10:00"), work("bo", "a1", "2025-03-03 10:00")]
    roster = [{"student_id": "ana", "withdrawn_on": "2025-03-14"}]
    cohort = build(data_of(rows, roster=roster), pd.Timestamp("2025-03-28T10:00Z"))
    contacts = frame([contact(1, "ana", "2025-03-05 10:00"), contact(2, "ana", "2025-03-09 10:00")])
    # The first week ends on the 12th, before the withdrawal.
    words = dict(
        zip([2, 1], columns(catalog.outcomes(cohort, contacts), "outcome_7", "outcome_14"), strict=True)
    )
    assert words[2] == ("left", "left")
    assert words[1][0] in ("came_back", "reason_gone")
    assert words[1][1] == "left"


def test_a_contact_after_the_last_sync_is_too_early() -> None:
    later = frame([contact(1, "ana", "2025-03-29 10:00")])
    cohort = small_class()
    assert catalog.outcomes(cohort, later).records() == []
    latest = build(replace(cohort.class_data, synced_at=cohort.as_of))
    assert columns(catalog.outcomes(latest, later), "outcome_7", "outcome_14") == [("too_early", "too_early")]


def test_a_withdrawal_after_as_of_is_not_visible() -> None:
    rows = [work("ana", "a1", "2025-03-03 10:00"), work("bo", "a1", "2025-03-03 10:00")]
    roster = [{"student_id": "ana", "withdrawn_on": "2025-03-14"}]
    cohort = build(data_of(rows, roster=roster), pd.Timestamp("2025-03-12T10:00Z"))
    contacts = frame([contact(1, "ana", "2025-03-09 10:00")])
    assert columns(catalog.outcomes(cohort, contacts), "outcome_7") == [("too_early",)]


def test_the_usual_rate_leaves_out_days_with_a_message_near() -> None:
    rows = [work("ana", "a1", "2025-03-03 10:00"), work("bo", "a1", "2025-03-03 10:00", "2025-03-04 10:00")]
    roster = [{"student_id": "fay", "first_name": "Fay"}]
    cohort = build(data_of(rows, roster=roster, starts_on="2025-03-03"), pd.Timestamp("2025-03-31T10:00Z"))

    def entries(*moments: str) -> int:
        contacts = frame([contact(n, "fay", moment, "risk") for n, moment in enumerate(moments)])
        rows = catalog.outcomes_by_kind(cohort, contacts).records()
        return sum(r["usual_entries"] for r in rows if (r["kind"], r["days"]) == ("never_started", 7))

    # The ends of the 10th and 17th: on the 3rd Fay was new, and the week after the 24th is not over.
    assert entries() == 2
    assert entries("2025-03-13 10:00") == 0
    assert entries("2025-03-05 10:00") == 1
    assert entries("2025-03-29 10:00") == 2


def test_a_share_needs_twenty_contacts() -> None:
    done = [work(f"s{n}", "a1", None, "2025-03-11 10:00") for n in range(10)]
    rows = [*done, *[work(f"t{n}", "a1", "2025-03-03 10:00") for n in range(10)]]
    cohort = build(data_of(rows), pd.Timestamp("2025-04-28T10:00Z"))
    students = sorted({row["student_id"] for row in rows})
    contacts = [contact(n, s, "2025-03-10 10:00", "risk") for n, s in enumerate(students)]

    def shares(number: int) -> Any:
        rows = catalog.outcomes_by_kind(cohort, frame(contacts[:number])).records()
        return next(
            (r["share"], r["share_low"], r["share_high"])
            for r in rows
            if (r["kind"], r["days"]) == ("risk", 7)
        )

    assert shares(19) == (None, None, None)
    # Newcombe (1998), table I: 10 of 20 has 0.299 to 0.701.
    assert shares(20) == (0.5, pytest.approx(0.2993, abs=1e-4), pytest.approx(0.7007, abs=1e-4))


def random_contacts(seed: int, school: Row, as_of: datetime) -> list[Row]:
    random = Random(seed)
    students = sorted({row["student_id"] for row in school["rows"]} | {"new", "unknown"})
    return [
        {
            "contact_id": number,
            "student_id": random.choice(students),
            "at": as_of - timedelta(hours=random.randrange(-100, 900)),
            "kind": random.choice([*GRAVITY, None]),
            "channel": "email",
        }
        for number in range(random.choice([0, 1, 6, 12]))
    ]


def twin(school: Row, contacts: list[Row], as_of: datetime, group: str | None) -> tuple[list[Row], list[Row]]:
    cohort = build(data_of(**school), as_of, group)
    got = catalog.outcomes(cohort, frame(contacts))
    counted = catalog.outcomes_by_kind(cohort, frame(contacts))
    for report in (got, counted):
        for row in report.records():
            report.row.model_validate(row)
    return got.records(), counted.records()


@QUICK
@given(classes(), instants, st.integers(0, 2**32), st.sampled_from([None, None, "Tue"]))
def test_both_agree(school: Row, as_of: datetime, seed: int, group: str | None) -> None:
    labels = {line[key] for line in school["roster"] for key in ("night", "region")}
    group = group if group in labels else None
    contacts = random_contacts(seed, school, as_of)
    got, counted = twin(school, contacts, as_of, group)
    expected = naive_outcomes(school, contacts, as_of, group)
    assert [{name: row[name] for name in expected[0]} for row in got] == expected if expected else got == []
    by_key = {(row["kind"], row["days"]): row for row in counted}
    for kind in (*GRAVITY, None):
        for days in (7, 14):
            mine = [row[f"outcome_{days}"] for row in expected if row["kind"] == kind]
            entries = naive_usual(school, contacts, as_of, group, kind, days) if kind else (0, 0, 0)
            row = by_key.pop((kind, days), None)
            if row is None:
                assert not mine
                assert entries == (0, 0, 0)
                continue
            assert row["contacts"] == len(mine)
            assert row["came_back"] == len([w for w in mine if w in ("came_back", "reason_gone")])
            for word in ("reason_gone", "left", "nothing_since", "too_early"):
                assert row[word] == mine.count(word)
            assert (row["usual_entries"], row["usual_came_back"], row["usual_reason_gone"]) == entries
    assert by_key == {}


@QUICK
@given(classes(), instants, st.integers(0, 2**32))
def test_nothing_after_as_of_counts(school: Row, as_of: datetime, seed: int) -> None:
    """The future is cut off: its rows, its moments and its contacts."""
    contacts = random_contacts(seed, school, as_of)

    def seen(text: str | None) -> str | None:
        return text if text and datetime.fromisoformat(text) <= as_of else None

    names = ("started_at", "completed_at", "reviewed_at")
    past = [{**row, **{name: seen(row[name]) for name in names}} for row in school["rows"]]
    # Students with rows in the future alone stay in the class, as no sync of then would remove anybody.
    cut = {**school, "rows": past}
    contacts_of_then = [item for item in contacts if item["at"] <= as_of]
    assert twin(school, contacts, as_of, None) == twin(cut, contacts_of_then, as_of, None)


def test_an_empty_class_has_no_outcomes() -> None:
    cohort = build(empty("c1"))
    none = frame([])
    assert catalog.outcomes(cohort, none).records() == []
    assert catalog.outcomes_by_kind(cohort, none).records() == []
    full = catalog.outcomes(small_class(), frame([contact(1, "ana", "2025-03-14 10:00")]))
    assert dict(full.frame.dtypes) == dict(catalog.outcomes(cohort, none).frame.dtypes)


@pytest.mark.parametrize("code", ["AAA-2013J", "EEE-2013J"])
def test_an_entry_that_vanishes_is_no_success(code: str) -> None:
    """Of silent students of the replayed classes most leave the list because it got worse."""
    cohort = build(replayed(code))
    vanished = worse = succeeded = 0
    for weeks in range(2, 9):
        then, now = (
            class_triage(build(cohort.class_data, cohort.local_date - timedelta(days=7 * number)))
            for number in (weeks, weeks - 1)
        )
        still = {entry.student_id for entry in now.entries if entry.kind == "engagement_gap"}
        for entry in then.entries:
            student_id = entry.student_id
            if entry.kind != "engagement_gap" or student_id in still or student_id is None:
                continue
            vanished += 1
            word = outcomes.outcome(cohort, student_id, then.as_of, 7)
            last = now.last_active.get(student_id)
            is_active = last is not None and last > then.as_of
            assert (word in ("came_back", "reason_gone")) == (is_active and word != "left")
            worse += word == "nothing_since"
            succeeded += word == "reason_gone"
    assert vanished > 100
    assert worse > succeeded
    assert worse > vanished / 3


def replayed(code: str) -> ClassData:
    """Return the data of a replayed class, as upstream sends it."""
    school = PracticeSchool(clock=lambda: datetime(2026, 11, 23, 12, tzinfo=UTC))
    class_id = next(row["id"] for row in school.classes() if code.lower() in row["friendly_id"])
    rows = [
        {
            "id": row_id(row),
            "student_id": row["user"]["id"],
            "first_name": row["user"]["first_name"],
            "last_name": row["user"]["last_name"],
            "assignment_id": row["assignment"]["id"],
            "name": row["assignment"]["name"],
            "type": row["assignment"]["type"],
            "grade": row["grade"],
            "started_at": row["started_assignment_at"],
            "completed_at": row["completed_assignment_at"],
            "reviewed_at": row.get("reviewed_at"),
        }
        for row in school.rows(class_id)
    ]
    return data_of(rows, school.units(class_id), synced_at=school.now().isoformat())
