"""The risk score and its reasons."""

from __future__ import annotations

from math import ceil, floor
from statistics import fmean, median

from .school import Row, School, clip


def risk(school: School, everyone: list[str]) -> dict[str, Row]:
    t = school.day(school.as_of)
    parts = {s: {"missing": 0.0, "marks": 0.0, "late": 0.0, "quiet": 0.0} for s in everyone}
    weights = 0.0
    standard: dict[str, Row] = {}
    for a in school.course:
        done = {s: school.record[s, a] for s in everyone if school.done(s, a)}
        if not done:
            continue
        day = {s: school.day(record["completed"]) for s, record in done.items()}
        usual_day = median(day.values())
        spread = max(_quartile(list(day.values()), 0.75) - _quartile(list(day.values()), 0.25), 2)
        recency = clip(usual_day, 0, t) / t if t > 0 else 0
        weight = (len(done) / len(everyone)) ** 2 * (0.25 + 0.75 * recency)
        weights += weight
        grades = {s: record["grade"] for s, record in done.items() if record["grade"] is not None}
        low = [g for g in grades.values() if g < 0.1]
        if 5 * len(low) >= len(grades):
            grades = {s: g for s, g in grades.items() if g >= 0.1}
        usual_grade = fmean(grades.values()) if grades else 1.0
        standard[a] = {
            "weight": weight,
            "day": day,
            "usual_day": usual_day,
            "grades": grades,
            "usual": usual_grade,
        }
        standard[a]["late"] = {s for s in done if len(done) >= 3 and day[s] > usual_day}
        for s in everyone:
            if s not in done:
                parts[s]["missing"] += weight
                continue
            late = clip((day[s] - usual_day) / spread, 0, 1) if len(done) >= 3 else 0
            parts[s]["marks"] += weight * 0.8 * (1 - grades.get(s, usual_grade))
            parts[s]["late"] += weight * 0.2 * late
    silent = {}
    for s in everyone:
        days = [school.day(school.record[s, a]["completed"]) for a in school.course if school.done(s, a)]
        silent[s] = t - (max(days) if days else 0)
    scores = {}
    for s in everyone:
        for part in ("missing", "marks", "late"):
            parts[s][part] *= 85 / (weights + 0.25)
        parts[s]["quiet"] = 15 * clip((silent[s] / max(median(silent.values()), 7) - 1) / 3, 0, 1)
        scores[s] = sum(parts[s].values())
    result = {}
    for s in everyone:
        gap = round(scores[s] - median(scores.values()), 9)
        band = next(
            (b for b, least in (("critical", 30), ("high", 10), ("medium", 2)) if gap >= least), "low"
        )
        result[s] = {
            "risk": band,
            "risk_score": round(scores[s], 9),
            "risk_gap": gap,
            "risk_parts": parts[s],
            "reasons": _reasons(school, s, parts[s], standard, weights, silent, len(everyone)),
            **{f"{part}_points": points for part, points in parts[s].items()},
        }
    return result


def _quartile(values: list[float], share: float) -> float:
    values = sorted(values)
    place = (len(values) - 1) * share
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def _reasons(
    school: School,
    s: str,
    parts: dict[str, float],
    standard: dict[str, Row],
    weights: float,
    silent: dict[str, float],
    size: int,
) -> list[str]:
    """Write the sentences of a student from the risk of the class.

    `standard` holds the numbers of the class for each assignment that anyone completed, in course order.
    """

    def whole(value: float) -> int:
        return floor(round(value, 6) + 0.5)

    def points(value: float) -> str:
        shown = whole(value)
        return "less than 1 point" if shown == 0 else "1 point" if shown == 1 else f"{shown} points"

    def days(value: float) -> str:
        shown = whole(value)
        return "less than a day" if shown == 0 else "1 day" if shown == 1 else f"{shown} days"

    def name(a: str) -> str:
        return str(school.kind[a][0])

    def worth(a: str) -> float:
        return float(standard[a]["weight"]) * 85 / (weights + 0.25)

    mine = [a for a in standard if s in standard[a]["day"]]
    said = {}

    usual = [a for a in standard if 2 * len(standard[a]["day"]) >= size]
    missing = [a for a in usual if a not in mine]
    finished = "that most of the class has finished"
    if not missing:
        usual, missing = list(standard), [a for a in standard if a not in mine]
        finished = "that part of the class has finished"
    cleared = points(sum(worth(a) for a in missing))
    if missing and len(usual) == 1:
        said["missing"] = (
            f"The only assignment {finished} is missing, {name(missing[0])}; "
            f"completing it clears up to {cleared}."
        )
    elif len(missing) == 1:
        said["missing"] = (
            f"1 of the {len(usual)} assignments {finished} is missing, {name(missing[0])}; "
            f"completing it clears up to {cleared}."
        )
    elif missing:
        said["missing"] = (
            f"{len(missing)} of the {len(usual)} assignments {finished} are missing, first "
            f"{name(missing[0])} and {name(missing[1])}; completing them clears up to {cleared}."
        )

    graded = [a for a in mine if s in standard[a]["grades"]]
    if graded:
        lost = {a: round(worth(a) * 0.8 * (1 - standard[a]["grades"][s]), 9) for a in graded}
        worst = max(graded, key=lambda a: lost[a])
        own = 100 * fmean(standard[a]["grades"][s] for a in graded)
        theirs = 100 * fmean(standard[a]["usual"] for a in graded)
        said["marks"] = (
            f"Average grade {whole(own)} % where the class has {whole(theirs)} % for the same work, "
            f"most lost in {name(worst)} ({whole(100 * standard[worst]['grades'][s])} %); "
            f"full marks there clear {points(lost[worst])}."
        )
    elif mine:
        average = whole(100 * fmean(standard[a]["usual"] for a in mine))
        said["marks"] = (
            f"No grades yet, so work counts with the average of the class, {average} %; grades of their own "
            "clear this."
        )

    late = {
        a: round(standard[a]["day"][s] - standard[a]["usual_day"], 9)
        for a in mine
        if s in standard[a]["late"]
    }
    if late:
        worst = max(late, key=lambda a: late[a])
        if len(mine) == 1:
            start = (
                f"The only completed assignment came {days(late[worst])} later than in the middle of the "
                f"class ({name(worst)})"
            )
        else:
            longest = days(late[worst])
            start = (
                f"{len(late)} of {len(mine)} completed assignments came later than in the middle of the "
                f"class, typically by {days(median(late.values()))} and most in {name(worst)} ({longest})"
            )
        said["late"] = f"{start}; new work on time makes this fade."

    since = floor(round(silent[s], 12))
    span = f"for {since} days" if mine else f"in the {since} days since the class began"
    half = max(1, ceil(round(median(silent.values()), 9)))
    last = "the last day" if half == 1 else f"the last {half} days"
    said["quiet"] = (
        f"Nothing completed {span}, while half of the class completed something within {last}; "
        "any completion clears this."
    )
    order = sorted(parts, key=lambda part: -round(parts[part], 9))
    return [said[part] for part in order if round(parts[part], 9) >= 2][:3]
