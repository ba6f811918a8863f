"""The director's page: the changes of a class since the last page.

It has no names by default.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from cohort_core.export.pdf import typeset
from cohort_core.formatting import (
    MISSING,
    and_more,
    count,
    long_day,
    one_decimal,
    percent,
    percent_points,
    signed,
    signed_decimal,
    signed_points,
    whole,
)
from cohort_core.reports import catalog
from cohort_core.reports.labels import BANDS, KINDS
from cohort_core.services.director_pages import FIRST_DAYS, DirectorPage

LABELS: dict[str, str] = {
    "students": "Students",
    "avg_completion": "Average completion",
    "completed_all": "Completed the whole course",
    "active_in_7_days": "Active in 7 days",
    "never_started": "Never started",
    "velocity": "Work per week: completions per student in the last full week",
    **{band: f"Risk: {look.label}" for band, look in BANDS.items()},
}
EVENTS = {
    "completed": ("assignment completed", "assignments completed"),
    "new_student": ("new student", "new students"),
    "came_back": ("student came back", "students came back"),
    "left": ("student is no longer in the class", "students are no longer in the class"),
}
MAX_ASSIGNMENTS, MAX_NAMES = 3, 12
GRAVE = ("critical", "high")


def director_page(page: DirectorPage, *, names: bool = False, anonymous: bool = False) -> bytes:
    """Typeset the page on A4. Raises NotInstalled without the typesetter."""
    return typeset("director.typ", content(page, names=names, anonymous=anonymous))


def content(page: DirectorPage, *, names: bool = False, anonymous: bool = False) -> dict[str, Any]:
    """Return everything that the page says, as the data of director.typ.

    `names` adds the students who moved to critical or high, and those who left.
    """
    after = page.after
    begin, end = (long_day(cohort.as_of.tz_convert(cohort.tz)) for cohort in (page.before, after))
    where = " · ".join(part for part in (after.class_data.name, after.group) if part)
    since = f"the {FIRST_DAYS} days since {begin}" if page.is_first else f"what changed since {begin}"
    figures = {row["figure"]: row for row in page.figures.records()}
    return {
        "title": where,
        "subtitle": f"Director's page · as of {end} · {since}",
        "since": begin,
        "figures": [_figure(figures[name], label) for name, label in LABELS.items()],
        "changes": _changes(page),
        "assignments": list(catalog.reteach(after).frame["name"].head(MAX_ASSIGNMENTS)),
        "messages": _messages(page, {name: row["now"] for name, row in figures.items()}),
        "people": _people(page) if names else [],
        "privacy": _privacy(names=names, anonymous=anonymous),
    }


def _figure(row: dict[str, Any], label: str) -> dict[str, str]:
    shown = {"avg_completion": percent, "velocity": one_decimal}.get(row["figure"], whole)
    change = MISSING
    if row["change"] is not None:
        change = signed(round(row["change"])) if row["change"] else "0"
        if row["figure"] == "avg_completion":
            change = signed_points(percent_points(row["now"], row["before"]))
        elif row["figure"] == "velocity":
            change = signed_decimal(row["now"], row["before"])
    return {"label": label, "before": shown(row["before"]), "now": shown(row["now"]), "change": change}


def _changes(page: DirectorPage) -> list[str]:
    rows = page.changes.records()
    kinds = Counter(row["kind"] for row in rows)
    lines = [count(kinds[kind], *words) for kind, words in EVENTS.items() if kinds[kind]]
    moved = [row for row in rows if row["kind"] == "band_moved"]
    order = list(BANDS)
    worse = sum(order.index(row["band_after"]) < order.index(row["band_before"]) for row in moved)
    if moved:
        better = len(moved) - worse
        lines.append(f"{count(worse, 'student')} at a higher risk level than then, {better:,} at a lower one")
    return lines


def _messages(page: DirectorPage, now: dict[str, float]) -> list[str]:
    """Describe the messages and their outcomes, beside the usual rate without a message."""
    number = int(now["messages"])
    if not number:
        return ["No message or talk was noted in this time."]
    came, nothing = int(now["came_back"]), int(now["nothing_since"])
    rest = number - came - nothing
    lines = [
        f"{count(number, 'message or talk', 'messages and talks')} noted. Within 7 days {came:,} came back; "
        f"{nothing:,} did nothing since; of {rest:,} it is too early to tell, or the student left."
    ]
    for row in catalog.outcomes_by_kind(page.after, page.contacts).records():
        if row["kind"] and row["days"] == 7 and row["contacts"]:
            rate = percent(row["usual_share"]) if row["usual_share"] is not None else "too few to tell"
            reason, came = KINDS[row["kind"]].lower(), row["usual_came_back"]
            lines.append(
                f"Usual rate without a message, {reason}: {came:,} of {row['usual_entries']:,} ({rate})."
            )
    return lines


def _people(page: DirectorPage) -> list[dict[str, str]]:
    rows = page.changes.records()
    order = list(BANDS)
    graver = [
        f"{row['name']} ({BANDS[row['band_after']].label})"
        for row in rows
        if row["kind"] == "band_moved"
        and row["band_after"] in GRAVE
        and order.index(row["band_after"]) < order.index(row["band_before"])
    ]
    left = [row["name"] or "A student" for row in rows if row["kind"] == "left"]
    parts = {"Now at critical or high risk": graver, "No longer in the class": left}
    return [
        {"title": title, "names": and_more(people, MAX_NAMES)} for title, people in parts.items() if people
    ]


def _privacy(*, names: bool, anonymous: bool) -> str:
    if not names:
        return "No names of students."
    return "Names are pseudonyms." if anonymous else "Contains names of students."
