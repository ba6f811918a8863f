"""The HTML of a student's own page: plain, without a script.

It is good on a small phone. It says what to do next before it says how far somebody is, and compares nobody
with anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from html import escape
from itertools import groupby
from typing import NamedTuple

from cohort_core.formatting import count, long_day, percent
from cohort_core.http.plain_pages import PlainPages
from cohort_core.metrics.own_progress import OwnProgress, OwnWeek, OwnWork
from cohort_core.services.own_page import OwnContact, OwnView
from cohort_core.store.help_requests import MAX_TEXT, HelpRequest

ROOT = "/my-progress"
CSV_PATH, ASK_PATH, BACK_PATH, LEAVE_PATH = f"{ROOT}.csv", f"{ROOT}/ask", f"{ROOT}/take-back", f"{ROOT}/leave"
MAX_NEXT, MAX_REQUESTS = 3, 10
STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1e2a2d; --quiet: #55656a; --line: #cfd8da;
  --field: #66757a; --tint: #14545b; --on-tint: #fff; --soft: #eef4f4; --warn: #a3341a; }
@media (prefers-color-scheme: dark) { :root { --page: #14191b; --text: #e4eaea; --quiet: #a3b1b5;
  --line: #344145; --field: #8d9a9e; --tint: #8fd3da; --on-tint: #14191b; --soft: #1f272a;
  --warn: #f0a48f; } }
* { box-sizing: border-box; }
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 0 auto; padding: 1rem 1.1rem 3rem;
  background: var(--page); color: var(--text); overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .2rem 0 .4rem; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.2rem 0 .5rem; }
h3 { font-size: 1.05rem; margin: 0; }
p { margin: .4rem 0; }
a { color: var(--tint); }
ul, ol { list-style: none; margin: .4rem 0; padding: 0; }
.quiet { color: var(--quiet); font-size: .95rem; }
.card { background: var(--soft); border-radius: .6rem; padding: .9rem 1rem; margin: .7rem 0; }
.first { font-size: 1.25rem; line-height: 1.35; margin: 0; }
progress { width: 100%; height: .9rem; accent-color: var(--tint); }
.work li { display: grid; grid-template-columns: 1.5rem 1fr; padding: .45rem 0;
  border-top: 1px solid var(--line); }
.work .quiet { grid-column: 2; }
.mark { color: var(--tint); }
.weeks li { margin: .5rem 0; }
svg { display: block; width: 100%; height: .6rem; fill: var(--tint); }
summary { cursor: pointer; padding: .5rem 0; font-weight: 600; }
summary small { font-weight: 400; color: var(--quiet); }
form { margin: .8rem 0 0; }
label { display: block; font-weight: 600; margin: .3rem 0; }
label .quiet { font-weight: 400; }
textarea { display: block; width: 100%; min-height: 5rem; margin: .3rem 0 .7rem; padding: .6rem .7rem;
  font: inherit; color: inherit; background: var(--page); border: 1px solid var(--field);
  border-radius: .4rem; }
button { padding: .6rem 1rem; min-height: 2.75rem; font: inherit; font-weight: 600; border: 0;
  border-radius: .4rem; background: var(--tint); color: var(--on-tint); cursor: pointer; }
a.button { display: inline-block; padding: .6rem 1rem; font-weight: 600; text-decoration: none;
  border-radius: .4rem; background: var(--tint); color: var(--on-tint); }
button.plain { background: none; color: var(--tint); border: 1px solid var(--field); font-weight: 400; }
:focus-visible { outline: 3px solid var(--tint); outline-offset: 2px; }
.notice { border-left: 4px solid var(--tint); padding: .5rem .8rem; background: var(--soft); }
.error { border-color: var(--warn); }
dt { color: var(--quiet); font-size: .95rem; } dd { margin: 0 0 .6rem; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: .8rem; }
"""
PAGE = PlainPages(STYLE)
_DID = {
    "copied": "Your mentor wrote to you",
    "email": "Your mentor wrote to you",
    "call": "Your mentor called you",
    "met": "Your mentor talked with you",
    "other": "Your mentor was in touch with you",
}


class _Days(NamedTuple):
    """Writes days in the zone of the class, without the present year."""

    zone: tzinfo
    year: int | None

    def of(self, moment: datetime | str | None) -> str:
        """Return the local day of an instant."""
        if moment is None:
            return "an unknown day"
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        return self.on(moment.astimezone(self.zone).date())

    def on(self, day: date) -> str:
        """Return a day, such as "3 November"."""
        return f"{day.day} {day:%B}" if day.year == self.year else long_day(day)


def whole_page(view: OwnView, notice: str = "", *, is_error: bool = False) -> tuple[str, str]:
    """Return title and body of the page of a student."""
    days = _Days(view.zone, view.as_of.astimezone(view.zone).year if view.as_of else None)
    parts = [_head(view, days), _notice(notice, is_error=is_error)]
    if view.progress is None:
        parts.append(_absence(view))
    else:
        progress = view.progress
        steps = _steps(progress)
        parts += [
            _next(progress, steps),
            _help(view, progress, days),
            _how_far(progress, days),
            _weeks(progress.weeks, days),
            _course(progress, steps, days),
        ]
    parts += [_kept(view, days), _foot()]
    return f"Hello {view.first_name}" if view.first_name else "Your progress", "".join(parts)


def _head(view: OwnView, days: _Days) -> str:
    as_of = ""
    if view.as_of is not None:
        at = view.as_of.astimezone(view.zone)
        as_of = (
            f'<p class="quiet">This is your work as of {at:%A} {days.on(at.date())}, {at:%H:%M}. What you do '
            "now appears here later.</p>"
        )
    return f"<p>{escape(view.class_name)}</p>{as_of}"


def _notice(sentence: str, *, is_error: bool) -> str:
    if not sentence:
        return ""
    kind, role = ("notice error", "alert") if is_error else ("notice", "status")
    return f'<p class="{kind}" role="{role}">{escape(sentence)}</p>'


def _absence(view: OwnView) -> str:
    if view.absence == "not_begun":
        words = "Your class has not begun yet. When it does, your next steps are here."
    else:
        words = (
            "You are not in this class any more, so there is no work to show. If that is not right, tell "
            "your mentor or your school."
        )
    return f'<p class="card">{words}</p>'


def _steps(progress: OwnProgress) -> list[OwnWork]:
    """Return the next steps: work in progress, then work to come, both in course order.

    For what is in progress for long there is help; it comes last here.
    """
    short = [item for item in progress.in_progress if not item.is_long][: MAX_NEXT - 1]
    steps = short + progress.to_come[: MAX_NEXT - len(short)]
    return (steps + [item for item in progress.in_progress if item not in steps])[:MAX_NEXT]


def _next(progress: OwnProgress, steps: Sequence[OwnWork]) -> str:
    if not progress.work:
        return '<p class="card">There are no assignments in this course yet. They appear here.</p>'
    if progress.is_finished:
        return '<p class="card first">You have completed the whole course. Well done!</p>'
    first, *later = steps
    word = "Go on with" if first.state == "in_progress" else "Begin with"
    lines = "".join(f"<li>Then {_named(item)}</li>" for item in later)
    return (
        '<section aria-labelledby="next"><h2 id="next">What to do next</h2><div class="card">'
        f'<p class="first">{word} {_named(first)}</p><ul>{lines}</ul></div></section>'
    )


def _named(item: OwnWork) -> str:
    kind = f' <span class="quiet">{escape(item.type)}</span>' if item.type else ""
    return f"<b>{escape(item.name)}</b>{kind}"


def _help(view: OwnView, progress: OwnProgress, days: _Days) -> str:
    """Offer help with what is in progress for long, and with anything else."""
    waiting = {item.assignment_id for item in view.requests if item.answered_at is None}
    names = {item.assignment_id: item.name for item in progress.work}
    asked = "".join(_asked(item, names, days) for item in view.requests[:MAX_REQUESTS])
    long = [item for item in progress.in_progress if item.is_long and item.assignment_id not in waiting]
    cards = "".join(
        f'<div class="card"><h3>{escape(item.name)}</h3>'
        f'<p class="quiet">In progress since {days.of(item.started_at)}.</p>{_form(item.assignment_id)}</div>'
        for item in long
        if view.is_open
    )
    intro = (
        "<p>You have been at this for a while. That happens to everybody, and a few words with your mentor "
        "often help.</p>"
        if cards
        else ""
    )
    anything = ""
    if view.is_open and None not in waiting:
        if not progress.weeks:
            summary = "Does something keep you from beginning? Ask your mentor."
        else:
            summary = "Ask for help with something else" if asked or cards else "Ask your mentor for help"
        anything = f"<details><summary>{summary}</summary>{_form(None)}</details>"
    if not (asked or cards or anything):
        return ""
    return f'<section aria-labelledby="help"><h2 id="help">Help</h2>{asked}{intro}{cards}{anything}</section>'


def _form(assignment_id: str | None) -> str:
    hidden = (
        f'<input type="hidden" name="assignment" value="{escape(assignment_id)}">' if assignment_id else ""
    )
    label = "What would help you?"
    if assignment_id:
        label += ' <span class="quiet">You can leave this empty.</span>'
    required = "" if assignment_id else " required"
    return (
        f'<form method="post" action="{ASK_PATH}">{hidden}<label>{label}'
        f'<textarea name="text" maxlength="{MAX_TEXT}"{required}></textarea></label>'
        "<button>Ask for help</button></form>"
    )


def _asked(item: HelpRequest, names: Mapping[str, str], days: _Days) -> str:
    name = names.get(item.assignment_id or "")
    words = f"You asked for help{f' with <b>{escape(name)}</b>' if name else ''} on {days.of(item.at)}."
    if item.answered_at is not None:
        return f"<p>✓ {words} Answered on {days.of(item.answered_at)}.</p>"
    return (
        f'<div class="card"><p>{words} Your mentor sees it first when they come here.</p>'
        f'<form method="post" action="{BACK_PATH}"><input type="hidden" name="request" value="{item.id}">'
        '<button class="plain">I do not need it any more</button></form></div>'
    )


def _how_far(progress: OwnProgress, days: _Days) -> str:
    """Show how much is completed; an empty bar helps nobody."""
    total = len(progress.work)
    if not progress.completed:
        return ""
    label = f"{progress.completed} of {count(total, 'assignment')} completed"
    return (
        f'<section aria-labelledby="far"><h2 id="far">How far you are</h2><p>{label}</p>'
        f'<progress max="{total}" value="{progress.completed}" aria-label="{label}"></progress>'
        f"<p>{_forecast(progress, days)}</p></section>"
    )


def _forecast(progress: OwnProgress, days: _Days) -> str:
    if progress.is_finished and progress.done_on is not None:
        return f"You completed the last one on {days.on(progress.done_on)}."
    if progress.done_on is not None:
        return (
            "If you go on as in the last weeks in which you worked, you complete the course around "
            f"{days.on(progress.done_on)}. This is an estimate and no deadline."
        )
    if progress.may_finish:
        return "Every assignment that you complete counts. It is too early to estimate when you are through."
    return "With the next assignment that you complete, this page can estimate when you are through."


def _weeks(weeks: Sequence[OwnWeek], days: _Days) -> str:
    if not weeks:
        return ""
    most = max(max(week.completed for week in weeks), 1)
    lines = "".join(
        f"<li>Week of {days.on(week.monday)}: {_week_words(week)}"
        f'<svg viewBox="0 0 {most} 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{week.completed}" height="1"/></svg></li>'
        for week in reversed(weeks)
    )
    return (
        '<section aria-labelledby="weeks"><h2 id="weeks">Your weeks</h2>'
        f'<p class="quiet">The last weeks in which you worked.</p><ul class="weeks">{lines}</ul></section>'
    )


def _week_words(week: OwnWeek) -> str:
    return f"{week.completed} completed" if week.completed else f"{week.started} started"


def _course(progress: OwnProgress, steps: Sequence[OwnWork], days: _Days) -> str:
    if not progress.work:
        return ""
    sections = []
    for name, members in groupby(progress.work, key=lambda item: item.section or ""):
        items = list(members)
        completed = sum(item.state == "completed" for item in items)
        number = f"{completed} of {len(items)} completed" if completed else count(len(items), "assignment")
        lines = "".join(_line(item, days) for item in items)
        is_open = " open" if steps and steps[0] in items else ""
        sections.append(
            f"<details{is_open}><summary>{escape(name or 'Assignments')} <small>{number}</small></summary>"
            f'<ul class="work">{lines}</ul></details>'
        )
    return f'<section aria-labelledby="course"><h2 id="course">Your course</h2>{"".join(sections)}</section>'


def _line(item: OwnWork, days: _Days) -> str:
    if item.state == "completed":
        mark, words = "✓", f"completed on {days.of(item.completed_at)}"
        if item.grade is not None:
            words += f" · grade {percent(item.grade)}"
        if item.reviewed_at is not None:
            words += f" · reviewed on {days.of(item.reviewed_at)}"
    elif item.state == "in_progress":
        mark, words = "◐", f"in progress since {days.of(item.started_at)}"
    else:
        mark, words = "○", "to come"
    return (
        f'<li><span class="mark" aria-hidden="true">{mark}</span><span>{_named(item)}</span>'
        f'<span class="quiet">{words}</span></li>'
    )


def _kept(view: OwnView, days: _Days) -> str:
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in view.facts.items())
    if view.is_anonymous:
        facts = (
            "<dt>Name</dt><dd>Your name and address are kept. They are hidden everywhere in this program at "
            "the moment, also here.</dd>"
        )
    if view.records:
        facts += (
            f"<dt>Your work</dt><dd>{count(view.records, 'assignment')}: the days on which you started and "
            "completed, the grades and the reviews. "
            f'<a href="{CSV_PATH}">Download your work as a file</a></dd>'
        )
    lines = "".join(_contact(item, days) for item in view.contacts)
    facts += f"<dt>Messages and talks</dt><dd><ul>{lines}</ul></dd>" if lines else ""
    return (
        f'<section aria-labelledby="kept"><h2 id="kept">What is kept about you</h2><dl>{facts}</dl>'
        '<p class="quiet">Your mentor sees your work beside that of the class, to know who could use a '
        "message, and may keep a note about how to help you. Ask your mentor or your school if you want to "
        "see everything that is kept, or if something is wrong.</p></section>"
    )


def _contact(item: OwnContact, days: _Days) -> str:
    note = f"<br>“{escape(item.note)}”" if item.note else ""
    return f"<li>{_DID.get(item.channel, _DID['other'])} on {days.of(item.at)}.{note}</li>"


def _foot() -> str:
    return (
        f'<footer><form method="post" action="{LEAVE_PATH}"><button class="plain">Close my page on this '
        "device</button></form></footer>"
    )


def plain_page(title: str, sentences: Iterable[str], extra: str = "") -> tuple[str, str]:
    """Return title and body of a page that says something kind."""
    return title, "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences) + extra


def link_page(action: str) -> tuple[str, str]:
    """Return title and body of the page to which a link leads.

    It opens nothing by itself.
    """
    button = f'<form method="post" action="{escape(action)}"><button>Open my page</button></form>'
    return plain_page(
        "Your progress in the course",
        (
            "This opens your own page: what comes next, what you have completed, and a way to ask for help.",
            "Keep the link to yourself: whoever has it sees your page.",
        ),
        button,
    )
