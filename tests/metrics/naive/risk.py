"""The risk score and its reasons."""

from __future__ import annotations

from math import ceil, floor
from statistics import fmean, median

from .school import Row, School, clip


def risk(school: School, everyone: list[str]) -> dict[str, Row]:
    t = school.day(school.as_of)
    parts = {s: {"missing": 0.0, "marks": 0.0, "late": 0.0, "quiet": 0.0} for s in everyone}
    standard = _standard(school, everyone, t)
    for norm in standard.values():
        for s in everyone:
            if s not in norm["day"]:
                parts[s]["missing"] += norm["worth"]
                continue
            behind = (norm["day"][s] - norm["usual_day"]) / norm["spread"]
            late = clip(behind, 0, 1) if s in norm["late"] else 0
            parts[s]["marks"] += norm["worth"] * 0.8 * (1 - norm["grades"].get(s, norm["usual"]))
            parts[s]["late"] += norm["worth"] * 0.2 * late
    silent = {}
    for s in everyone:
        days = [school.day(school.record[s, a]["completed"]) for a in school.course if school.done(s, a)]
        silent[s] = t - (max(days) if days else 0)
    scores = {}
    for s in everyone:
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
            "reasons": _reasons(school, s, parts[s], standard, silent, len(everyone)),
            **{f"{part}_points": points for part, points in parts[s].items()},
        }
    return result


def _standard(school: School, everyone: list[str], t: float) -> dict[str, Row]:
    """Return the numbers of the class for each assignment that anyone completed, in course order.

    `worth` is in points: what a student loses who has not completed it.
    """
    standard: dict[str, Row] = {}
    for a in school.course:
        day = {s: school.day(school.record[s, a]["completed"]) for s in everyone if school.done(s, a)}
        if not day:
            continue
        grades = {s: school.record[s, a]["grade"] for s in day if school.record[s, a]["grade"] is not None}
        low = [g for g in grades.values() if g < 0.1]
        if 5 * len(low) >= len(grades):
            grades = {s: g for s, g in grades.items() if g >= 0.1}
        usual_day = median(day.values())
        age = clip(usual_day, 0, t) / t if t > 0 else 0
        standard[a] = {
            "day": day,
            "usual_day": usual_day,
            "spread": max(_quartile(list(day.values()), 0.75) - _quartile(list(day.values()), 0.25), 2),
            "late": {s for s in day if len(day) >= 3 and day[s] > usual_day},
            "grades": grades,
            "usual": fmean(grades.values()) if grades else 1.0,
            "weight": (len(day) / len(everyone)) ** 2 * (0.25 + 0.75 * age),
            "together": False,
        }
    lessons = [norm for norm in standard.values() if round(norm["usual"], 9) >= 0.99]
    everything = sum(norm["weight"] for norm in standard.values())
    of_lessons = sum(norm["weight"] for norm in lessons)
    # Half of what graded work weighs; and as long as that is less than 1, lessons may fill it up to 1.
    room = (everything - of_lessons) / 2
    if everything - of_lessons < 1:
        room += 1 - (everything - of_lessons)
    for norm in lessons:
        norm["is_lesson"] = True
        if round(of_lessons / room, 9) > 1:
            norm["together"] = True
            norm["weight"] *= room / of_lessons
    left = sum(norm["weight"] for norm in standard.values())
    for norm in standard.values():
        norm["worth"] = 85 * norm["weight"] / left * everything / (everything + 0.25)
    return standard


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
        return "less than a day" if shown == 0 else "1 day" if shown == 1 else f"{shown:,} days"

    def name(a: str) -> str:
        return str(school.kind[a][0])

    def worth(a: str) -> float:
        return float(standard[a]["worth"])

    mine = [a for a in standard if s in standard[a]["day"]]
    said = {}

    usual = [a for a in standard if 2 * len(standard[a]["day"]) >= size]
    missing = [a for a in usual if a not in mine]
    completed = "that most of the class has completed"
    if not missing:
        usual, missing = list(standard), [a for a in standard if a not in mine]
        completed = "that part of the class has completed"
    if missing:
        cleared = points(sum(worth(a) for a in missing))
        names = _names(school, missing, standard)
        is_or_are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
        start = f"{len(missing)} of the {len(usual)} assignments"
        if len(usual) == 1:
            start = "The only assignment"
        said["missing"] = (
            f"{start} {completed} {is_or_are} missing: {names}. Completing {them} clears up to {cleared}."
        )

    graded = [a for a in mine if s in standard[a]["grades"]]
    unreal = [a for a in mine if a not in graded and school.record[s, a]["grade"] is not None]
    if graded:
        without = ", without placeholders near 0," if unreal else ""
        lost = {a: round(worth(a) * 0.8 * (1 - standard[a]["grades"][s]), 9) for a in graded}
        worst = max(graded, key=lambda a: lost[a])
        own = 100 * fmean(standard[a]["grades"][s] for a in graded)
        theirs = 100 * fmean(standard[a]["usual"] for a in graded)
        if round(theirs - own, 7) >= 2 and lost[worst] >= 1:
            said["marks"] = (
                f"Average grade {whole(own)} %{without} where the class has {whole(theirs)} % for the same "
                f"work, most lost in {name(worst)} ({whole(100 * standard[worst]['grades'][s])} %); "
                f"full marks there clear {points(lost[worst])}."
            )
    elif mine:
        average = whole(100 * fmean(standard[a]["usual"] for a in mine))
        but = " but placeholders near 0" if unreal else ""
        said["marks"] = (
            f"No grades yet{but}, so work counts with the average of the class, {average} %; "
            "grades of their own clear this."
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
    unit = "day" if since == 1 else "days"
    span = f"for {since:,} {unit}" if mine else f"in the {since:,} {unit} since the class began"
    half = max(1, ceil(round(median(silent.values()), 9)))
    last = "the last day" if half == 1 else f"the last {half:,} days"
    said["quiet"] = (
        f"Nothing completed {span}, while half of the class completed something within {last}; "
        "any completion clears this."
    )
    order = sorted(parts, key=lambda part: -round(parts[part], 9))
    return [said[part] for part in order if round(parts[part], 9) >= 2 and part in said][:3]


def _names(school: School, missing: list[str], standard: dict[str, Row]) -> str:
    """Name graded work first; lessons are counted, and named only where nothing else is missing."""
    graded = [a for a in missing if "is_lesson" not in standard[a]]
    lessons = [a for a in missing if "is_lesson" in standard[a]]
    first = str(school.kind[graded[0]][0]) if graded else ""
    if len(graded) == 2:
        first += " and 1 more graded piece"
    elif len(graded) > 2:
        first += f" and {len(graded) - 1:,} more graded pieces"
    if not lessons:
        return first
    noun = "lesson" if {school.kind[a][1] for a in lessons} <= {"lesson", None} else "ungraded piece"
    if len(lessons) == 1:
        return f"{first}; 1 {noun}" if graded else str(school.kind[lessons[0]][0])
    counted = f"{len(lessons):,} {noun}s"
    if standard[lessons[0]]["together"]:
        counted += ", which count together"
    if graded:
        return f"{first}; {counted}"
    return f"{counted}, first {school.kind[lessons[0]][0]} and {school.kind[lessons[1]][0]}"
