"""The Download menu beside each heading: the table and the chart below it, as files.

A file is made only when somebody clicks it. A table has the rows that the page shows and the columns of
docs/metrics.md. A picture says which class and day it shows. No file is named after a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cohort_core.dashboard.components.text import literal, moment
from cohort_core.dashboard.errors import sentence_for
from cohort_core.dashboard.layout import View
from cohort_core.export import images, pdf, tables
from cohort_core.export.images import Picture
from cohort_core.reports.report import Report

_PDF_MIME = "application/pdf"


@dataclass(frozen=True)
class File:
    """A file to download; `make` runs in its own thread, without Streamlit."""

    label: str
    extension: str
    mime: str
    make: Callable[[], bytes]


def heading(
    view: View,
    text: str,
    *,
    report: tables.Tabular | None = None,
    picture: Any = None,
    name: str | None = None,
    title: str | None = None,
    help: str | None = None,
) -> None:
    """Show a heading with the Download menu beside it.

    `report` holds the rows shown below the heading, and `picture` is the chart. `name` is the name of the
    files (default: that of the report). `title` stands above the picture (default: the heading).
    """
    base_name = name or (report.name if report is not None else text)
    files = _files(view, report, picture, title or text)
    if not files:
        st.subheader(literal(text), anchor=False, help=help)
        return
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"titled-{tables.file_name(None, base_name, 'x')}",
    ):
        st.subheader(literal(text), anchor=False, help=help)
        _menu(view, base_name, files)


def menu(
    view: View,
    *,
    report: tables.Tabular | None = None,
    picture: Any = None,
    name: str | None = None,
    title: str = "",
) -> None:
    """Show the Download menu alone, where the heading belongs to another element."""
    if files := _files(view, report, picture, title):
        with st.container(horizontal=True, horizontal_alignment="right"):
            _menu(view, name or (report.name if report is not None else title), files)


def class_report_menu(view: View, report: Report) -> None:
    """Show the menu with the class report for a programme director, and the Overview's figures."""
    cohort, anonymous = view.cohort, view.reader.anonymous
    file = File("Class report (PDF)", "pdf", _PDF_MIME, lambda: pdf.class_report(cohort, anonymous=anonymous))
    if pdf.is_possible():
        _menu(view, "report", [file, *_tables(view, report)])
    else:
        _menu(view, "report", list(_tables(view, report)), pdf.NOT_INSTALLED)


def _files(view: View, report: tables.Tabular | None, picture: Any, title: str) -> list[File]:
    files = list(_tables(view, report)) if report is not None and _has_rows(report) else []
    if picture is not None and images.is_possible():
        titled = Picture(picture, title, _attribution(view))
        files += [
            File(f"Picture ({extension.upper()})", extension, mime, _deferred(make, titled))
            for extension, (mime, make) in images.KINDS.items()
        ]
    return files


def _tables(view: View, report: tables.Tabular) -> Iterator[File]:
    context = _context(view)
    for extension, kind in tables.KINDS.items():
        yield File(
            f"Table ({extension.upper()})", extension, kind.media_type, _deferred(kind.write, report, context)
        )


def _has_rows(report: tables.Tabular) -> bool:
    return bool(report.rows) if isinstance(report, tables.Table) else not report.frame.empty


def _deferred(make: Callable[..., bytes], *args: Any) -> Callable[[], bytes]:
    return lambda: make(*args)


def _menu(view: View, name: str, files: list[File], note: str | None = None) -> None:
    shown = view.shown
    reference = (shown.friendly_id or shown.id) if shown else None
    with st.popover("Download", icon=":material/download:", type="tertiary", key=f"download-{name}"):
        if note:
            st.caption(literal(note))
        for file in files:
            st.download_button(
                file.label,
                _audited(view, f"{name}.{file.extension}", file.make),
                file_name=tables.file_name(reference, name, file.extension, anonymous=view.reader.anonymous),
                mime=file.mime,
                key=f"download-{name}-{file.label}",
                on_click="ignore",
                type="tertiary",
            )


def _audited(view: View, what: str, make: Callable[[], bytes]) -> Callable[[], bytes]:
    """Wrap `make` so that the audit records each file before the mentor gets it.

    After a failure Streamlit says that there is no file, and logs the text of the exception. That text may
    hold data of students, so it is replaced by a plain sentence.
    """
    reader, anonymous = view.reader, view.reader.anonymous
    of_class = f", class {view.shown.id}" if view.shown else ""

    def make_audited() -> bytes:
        try:
            content = make()
            detail = f"{what}{of_class}{', pseudonyms' if anonymous else ''}"
            reader.record_export("report" if what == "report.pdf" else "export", detail)
            return content
        except Exception as error:  # noqa: BLE001 - the last fence before Streamlit's log
            sentence = sentence_for(error, "download")
        raise RuntimeError(sentence)

    return make_audited


def _context(view: View) -> dict[str, str]:
    """Return the class, the filters and the day of the numbers in a file."""
    entries: dict[str, str | None] = {"Names": "Pseudonyms" if view.reader.anonymous else None}
    if cohort := view.maybe_cohort:
        entries = {
            "Class": cohort.class_data.name,
            "Group": cohort.group,
            "Type of assignment": cohort.type,
            "As of": moment(cohort.as_of.to_pydatetime(), cohort.tz),
            **entries,
        }
    return {name: text for name, text in entries.items() if text}


def _attribution(view: View) -> str:
    """Describe the numbers below a picture.

    For example "Cohort 12 · Tuesday · as of Monday 23 November 2026, 06:28 UTC".
    """
    context = _context(view)
    if "Names" in context:
        context["Names"] = "names are pseudonyms"
    return " · ".join([*context.values()]).replace(context["As of"], f"as of {context['As of']}")
