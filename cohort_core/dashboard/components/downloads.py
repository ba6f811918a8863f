"""The Download menu beside each heading: the table and the chart below it, as files.

A menu offers links. A file is made only when somebody follows one (`dashboard/files`). A table has the rows
that the page shows and the columns of docs/metrics.md. A picture says which class and day it shows. No file
is named after a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from cohort_core.dashboard.components.text import about, literal, markup
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.files.owner import owner
from cohort_core.dashboard.files.questions import SHEETS, Question, Selection, Source, Step, report_of
from cohort_core.dashboard.files.registry import shared_registry
from cohort_core.dashboard.layout import View, fragment
from cohort_core.dashboard.page_words import for_page
from cohort_core.errors import NotInstalled
from cohort_core.export import images, pdf, tables
from cohort_core.reports.report import Report

NO_COOKIES = (
    "Downloads need the cookies of this page, and the browser sends none. Allow cookies for this address, "
    "and reload the page."
)
REPORT_NOTE = "Has names and grades, for mentors. The director's page, on Trends, has none."
ANONYMOUS_REPORT_NOTE = "Has grades and invented names. The director's page, on Trends, has neither."
NO_PDF = "PDF files need a part that is not installed here. Ask whoever runs this server to add it."
Ask = Callable[..., Any]


def heading(
    view: View,
    text: str,
    *,
    report: tables.Tabular | None = None,
    ask: Ask | None = None,
    narrow: Ask | None = None,
    picture: Ask | None = None,
    scene: Ask | None = None,
    has_table: bool = True,
    name: str | None = None,
    title: str | None = None,
    help: str | None = None,
) -> None:
    """Show a heading with the Download menu beside it.

    `report` holds the rows shown below the heading. A file is not made of them, but asked for anew: `ask`
    gives the report from a `Source` (default: the report of that name), `narrow` the rows from its frame,
    `picture` the chart from these rows, and `scene` a chart from a `Source`. All are functions of a module
    of this package, or a `functools.partial` of one with plain values.

    `name` is the name of the files (default: that of the report). `title` stands above the picture (default:
    the heading). `has_table` is False where only the picture is offered.
    """
    base = Question(
        name or (report.name if report is not None else text),
        title=title or text,
        **_common(view),
        ask=Step.of(ask or partial(report_of, name=report.name if report is not None else "")),
        narrow=_step(narrow),
        picture=_step(picture),
        scene=_step(scene),
    )
    questions = list(_tables(base)) if has_table and report is not None and _has_rows(report) else []
    if (picture or scene) and images.is_possible():
        questions += _pictures(base)
    if not questions:
        st.header(literal(text), anchor=False, help=help)
        return
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"titled-{tables.file_name(None, base.name, 'x')}",
    ):
        st.header(literal(text), anchor=False, help=help)
        _menu(questions, title=text)


def menu(view: View, *, report: tables.Tabular, ask: Ask) -> None:
    """Show the Download menu alone, where the heading belongs to another element."""
    if _has_rows(report):
        key = f"titled-{tables.file_name(None, report.name, 'x')}"
        with st.container(horizontal=True, horizontal_alignment="right", key=key):
            _menu(list(_tables(Question(report.name, **_common(view), ask=Step.of(ask)))), title="the table")


def bare_menu(
    view: View, *, report: tables.Tabular, ask: Ask, name: str, title: str, action: str = "Download"
) -> None:
    """Show the Download menu alone, in a row that the caller has begun."""
    if _has_rows(report):
        questions = list(_tables(Question(name, **_common(view), ask=Step.of(ask))))
        _menu(questions, title=title, action=action)


def class_report_menu(view: View, report: Report) -> None:
    """Show the menu with the class report, which is for mentors, and the Overview's figures."""
    base = Question("report", **_common(view), ask=Step.of(partial(report_of, name=report.name)))
    if pdf.is_possible():
        note = ANONYMOUS_REPORT_NOTE if view.reader.anonymous else REPORT_NOTE
        _menu([replace(base, extension="pdf"), *_tables(base)], note, title="the class report")
    else:
        _menu(list(_tables(base)), for_page(pdf.NOT_INSTALLED, NotInstalled.code), title="the class report")


def sheet_menu(view: View, name: str) -> None:
    """Show the menu with a PDF of `questions.SHEETS`, or why there is none."""
    base = Question(name, **_common(view), ask=Step.of(partial(report_of, name="progress_summary")))
    sheets = [replace(base, extension="pdf")] if pdf.is_possible() else []
    _menu(sheets, None if sheets else NO_PDF, title="the sheet")


def director_menu(view: View) -> None:
    """Show the menu with the page for a programme director, and its figures."""
    base = Question("director", **_common(view), ask=Step.of(director_figures))
    sheets = [replace(base, extension="pdf")] if pdf.is_possible() else []
    _menu([*sheets, *_tables(base)], None if sheets else NO_PDF, title="the director's page")


def director_figures(source: Source) -> Report:
    """Return the figures of the director's page for the selection of the page."""
    chosen = source.selection
    return source.reader.director_page(source.class_id, None, chosen.as_of, chosen.group).figures


def template(view: View, name: str, ask: Ask) -> None:
    """Show a link to a file that a person fills in."""
    question = Question(name, **_common(view.of_no_class()), ask=Step.of(ask))
    st.html(f'<div class="ct-template">{_markup([("Template (CSV)", question)])}</div>', width="content")


def _common(view: View) -> dict[str, Any]:
    """Return the parts that all questions of a view share."""
    selection, shown = Selection(), view.shown
    if cohort := view.maybe_cohort:
        selection = Selection(view.class_id, view.as_of, view.group_id, cohort.type)
    return {
        "reference": (shown.friendly_id or shown.id) if shown else None,
        "selection": selection,
        "anonymous": view.reader.anonymous,
    }


def _tables(base: Question) -> Iterator[Question]:
    for extension in tables.KINDS:
        yield replace(base, extension=extension, picture=None, scene=None, title="")


def _pictures(base: Question) -> Iterator[Question]:
    for extension in images.KINDS:
        yield replace(base, extension=extension)


def _has_rows(report: tables.Tabular) -> bool:
    return bool(report.rows) if isinstance(report, tables.Table) else not report.frame.empty


def _step(function: Ask | None) -> Step | None:
    return None if function is None else Step.of(function)


def _menu(
    questions: Sequence[Question], note: str | None = None, *, title: str, action: str = "Download"
) -> None:
    """Show the menu, which draws its links only while it is open.

    `title` says to screen readers what is downloaded.

    So no link is older than the opened menu, and a page offers no questions that nobody looks at.
    """
    key = questions[0].name if questions else "none"

    def draw() -> None:
        popover = st.popover(
            about(action, title),
            icon=":material/download:",
            type="tertiary",
            key=f"download-{key}",
            on_change="rerun",
        )
        with popover, guarded("download"):
            if note:
                st.caption(literal(note))
            labelled = [(_label(question), question) for question in questions]
            # A closed menu has the size of the open one, or the browser would place it wrongly.
            st.html(_markup(labelled) if popover.open else _placeholder(labelled))

    fragment(draw)


def _label(question: Question) -> str:
    extension = question.extension
    kind = (
        SHEETS[question.name][0]
        if extension == "pdf"
        else "Table"
        if extension in tables.KINDS
        else "Picture"
    )
    return f"{kind} ({extension.upper()})"


def _placeholder(files: Iterable[tuple[str, Question]]) -> str:
    labels = (f'<span class="ct-download">{markup(label)}</span>' for label, _ in files)
    return f'<div class="ct-downloads">{"".join(labels)}</div>'


def _markup(files: Iterable[tuple[str, Question]]) -> str:
    """Offer the questions, and return their links as HTML; without a cookie a sentence instead."""
    registry, who_asks = shared_registry(), owner(st.context.headers, st.context.cookies)
    if who_asks is None:
        return f'<p class="ct-downloads">{markup(NO_COOKIES)}</p>'
    links = (
        f'<a class="ct-download" href="{markup(registry.link(registry.offer(who_asks, question)))}">'
        f"{markup(label)}</a>"
        for label, question in files
    )
    return f'<div class="ct-downloads">{"".join(links)}</div>'
