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

    missing = [a for a in standard if 2 * len(standard[a]["day"]) >= size and a not in mine]
    behind = "behind the class"
    if not missing:
        missing = [a for a in standard if a not in mine]
        behind = "missing that part of the class has completed"
    if missing:
        said["missing"] = _missing(school, missing, standard, behind)

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
                f"work, weakest in {name(worst)} "
                f"({whole(100 * standard[worst]['grades'][s])} %)."
            )
    elif mine:
        average = whole(100 * fmean(standard[a]["usual"] for a in mine))
        but = " but placeholders near 0" if unreal else ""
        said["marks"] = (
            f"No grades yet{but}, so work counts with the average of the class, {average} %; "
            "grades of their own end this."
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
                f"The only completed assignment was handed in {days(late[worst])} later than by most "
                f"({name(worst)})"
            )
        else:
            longest = days(late[worst])
            start = (
                f"{len(late)} of {len(mine)} completed assignments were handed in later than by most, "
                f"typically by {days(median(late.values()))}, and {name(worst)} by {longest}"
            )
        said["late"] = f"{start}; finishing new work on time lowers this."

    since = floor(round(silent[s], 12))
    unit = "day" if since == 1 else "days"
    span = f"for {since:,} {unit}" if mine else f"in the {since:,} {unit} since the class began"
    half = max(1, ceil(round(median(silent.values()), 9)))
    last = "the last day" if half == 1 else f"the last {half:,} days"
    said["quiet"] = (
        f"Nothing completed {span}, while half of the class completed something within {last}; "
        "finishing anything ends this."
    )
    order = sorted(parts, key=lambda part: -round(parts[part], 9))
    return [said[part] for part in order if round(parts[part], 9) >= 2 and part in said][:3]


def _missing(school: School, missing: list[str], standard: dict[str, Row], behind: str) -> str:
    """Name graded work first; lessons are counted, and named only where nothing else is missing."""
    graded = [str(school.kind[a][0]) for a in missing if "is_lesson" not in standard[a]]
    lessons = [a for a in missing if "is_lesson" in standard[a]]
    noun = "lesson" if {school.kind[a][1] for a in lessons} <= {"lesson", None} else "ungraded piece"
    counted = f"{len(lessons):,} {noun}s" if len(lessons) > 1 else f"1 {noun}"
    together = ", which count together" if len(lessons) > 1 and standard[lessons[0]]["together"] else ""
    if len(missing) == 1:
        return f"1 assignment {behind}: {school.kind[missing[0]][0]}."
    if not graded:
        first, second = (school.kind[a][0] for a in lessons[:2])
        return f"{counted} {behind}{together}: start with {first} and {second}."
    text = f"{len(missing):,} assignments {behind}: start with {graded[0]}"
    if len(graded) > 1:
        text += f" and {len(graded) - 1:,} more graded piece{'s' if len(graded) > 2 else ''}"
    if lessons:
        text += f"; {counted}{together}"
    return f"{text}."
