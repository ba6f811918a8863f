"""Outcomes of contacts, from the words of the definition."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .reports import other_reports
from .school import DAY, UTC, Row, School, iso
from .triage import triage


def outcomes(school: Row, contacts: list[Row], as_of: datetime, group: str | None) -> list[Row]:
    """List each contact up to *as of* with its outcomes, the newest first.

    school: the parameters of `main_reports`. contacts: contact_id, student_id, at, kind.
    """
    people = _people(school)
    shown = [c for c in contacts if c["at"] <= as_of and _is_in(people.get(c["student_id"], {}), group)]
    shown.sort(key=lambda c: (c["at"], c["contact_id"]), reverse=True)
    rows = []
    for contact in shown:
        s, at = contact["student_id"], contact["at"]
        row = {"contact_id": contact["contact_id"], "kind": contact["kind"]}
        for days in (7, 14):
            row[f"outcome_{days}"] = outcome(school, people, s, at, days, as_of)
        acts = [act for act in _acts(school, s) if at < act[0] <= min(at + 14 * DAY, as_of)]
        row["came_back_at"] = iso(min(acts)[0]) if acts else None
        rows.append(row)
    return rows


def outcome(school: Row, people: dict[str, Row], s: str, at: datetime, days: int, as_of: datetime) -> str:
    """Say what came of one contact."""
    tz = ZoneInfo(school["timezone"])
    over = at + days * DAY
    end = min(over, as_of)
    if s not in people:
        return "left"
    left_on = people[s].get("withdrawn_on")
    if left_on and date.fromisoformat(left_on) <= end.astimezone(tz).date():
        return "left"
    if any(at < moment <= end for moment, _ in _acts(school, s)):
        if over <= as_of:
            evening = min(_end_of(over.astimezone(tz).date(), tz), as_of)
            if not any(s in students for students in kinds_at(school, evening).values()):
                return "reason_gone"
        return "came_back"
    return "too_early" if as_of < over else "nothing_since"


def usual(
    school: Row, contacts: list[Row], as_of: datetime, group: str | None, kind: str, days: int
) -> tuple[int, int, int]:
    """Count entries without a message, those that came back, and those whose reason was gone."""
    tz, people = ZoneInfo(school["timezone"]), _people(school)
    at_as_of = _school(school, as_of)
    if at_as_of.starts_on is None:
        return 0, 0, 0
    words = []
    for weeks in range(1, 27):
        day = as_of.astimezone(tz).date() - timedelta(days=7 * weeks)
        at = _end_of(day, tz)
        if day < at_as_of.starts_on or at + days * DAY > as_of:
            continue
        for s in kinds_at(school, at).get(kind, set()):
            written = [c["at"] for c in contacts if c["student_id"] == s]
            if _is_in(people[s], group) and not any(at - days * DAY < w <= at + days * DAY for w in written):
                words.append(outcome(school, people, s, at, days, as_of))
    stayed = [word for word in words if word != "left"]
    return (
        len(stayed),
        sum(word in ("came_back", "reason_gone") for word in stayed),
        stayed.count("reason_gone"),
    )


def kinds_at(school: Row, moment: datetime) -> dict[str, set[str]]:
    """Return the students with each kind of entry in triage at an instant."""
    made = _school(school, moment)
    kinds: dict[str, set[str]] = {}
    # The order does not matter here, so the class of a week before may be any.
    for entry in triage([(made, other_reports(**school, as_of=moment), made)]):
        for kind in {entry["kind"], *entry["also"]}:
            kinds.setdefault(kind, set()).add(entry["subject"])
    return kinds


def _school(school: Row, moment: datetime) -> School:
    return School(
        school["rows"],
        school["units"],
        school["roster"],
        ZoneInfo(school["timezone"]),
        moment,
        school["starts_on"],
        None,
    )


def _people(school: Row) -> dict[str, Row]:
    people: dict[str, Row] = {row["student_id"]: {} for row in school["rows"]}
    for line in school["roster"]:
        people.setdefault(line["student_id"], {}).update(line)
    return people


def _is_in(person: Row, group: str | None) -> bool:
    labels = [label.strip().casefold() for label in (person.get("night"), person.get("region")) if label]
    return group is None or group.strip().casefold() in labels


def _acts(school: Row, s: str) -> list[tuple[datetime, str]]:
    """Return the first start and the first completion of each assignment of a student."""
    first: dict[tuple[str, str], datetime] = {}
    for row in school["rows"]:
        for event in ("started", "completed"):
            text = row[f"{event}_at"]
            if row["student_id"] == s and text:
                key, moment = (row["assignment_id"], event), datetime.fromisoformat(text)
                first[key] = min(first.get(key, moment), moment)
    return [(moment, event) for (_, event), moment in first.items()]


def _end_of(day: date, tz: ZoneInfo) -> datetime:
    midnight = datetime.combine(day + timedelta(days=1), time(), tz)
    return midnight.astimezone(UTC) - timedelta(microseconds=1)
