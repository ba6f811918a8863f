"""What a page shows, as files: one quiet menu beside each heading. A file is made when it is asked for.

Tables have the rows that the page shows and the columns of docs/metrics.md; pictures say whose numbers they
are. No file is called after a person.
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
from cohort_core.store.audit import save_event

_PDF_MIME = "application/pdf"


@dataclass(frozen=True)
class File:
    """Something that can be downloaded; `make` runs in a thread of its own, without Streamlit."""

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
    """A heading and, beside it, the menu: `report` holds the rows that are shown below it, `picture` is the
    chart. `name` is what the files are called (default: as the report), `title` stands above the picture
    (default: the heading).
    """
    called = name or (report.name if report is not None else text)
    files = _files(view, report, picture, title or text)
    if not files:
        st.subheader(literal(text), anchor=False, help=help)
        return
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"titled-{tables.file_name(None, called, 'x')}",
    ):
        st.subheader(literal(text), anchor=False, help=help)
        _menu(view, called, files)


def menu(
    view: View,
    *,
    report: tables.Tabular | None = None,
    picture: Any = None,
    name: str | None = None,
    title: str = "",
) -> None:
    """The menu alone, where the heading is something else's."""
    if files := _files(view, report, picture, title):
        with st.container(horizontal=True, horizontal_alignment="right"):
            _menu(view, name or (report.name if report is not None else title), files)


def class_report_menu(view: View, report: Report) -> None:
    """The report to hand to a programme director, and the figures at the top of the Overview."""
    cohort, anonymous = view.cohort, view.reader.anonymous
    file = File("Class report (PDF)", "pdf", _PDF_MIME, lambda: pdf.class_report(cohort, anonymous=anonymous))
    if pdf.is_possible():
        _menu(view, "report", [file, *_tables(view, report)])
    else:
        _menu(view, "report", list(_tables(view, report)), pdf.NOT_INSTALLED)


def _files(view: View, report: tables.Tabular | None, picture: Any, title: str) -> list[File]:
    files = list(_tables(view, report)) if report is not None and _has_rows(report) else []
    if picture is not None and images.is_possible():
        shown = Picture(picture, title, _attribution(view))
        files += [
            File(f"Picture ({extension.upper()})", extension, mime, _made(make, shown))
            for extension, (mime, make) in images.KINDS.items()
        ]
    return files


def _tables(view: View, report: tables.Tabular) -> Iterator[File]:
    about = _about(view)
    for extension, kind in tables.KINDS.items():
        yield File(
            f"Table ({extension.upper()})", extension, kind.media_type, _made(kind.write, report, about)
        )


def _has_rows(report: tables.Tabular) -> bool:
    return bool(report.rows) if isinstance(report, tables.Table) else not report.frame.empty


def _made(make: Callable[..., bytes], *given: Any) -> Callable[[], bytes]:
    return lambda: make(*given)


def _menu(view: View, name: str, files: list[File], otherwise: str | None = None) -> None:
    shown = view.shown
    reference = (shown.friendly_id or shown.id) if shown else None
    with st.popover("Download", icon=":material/download:", type="tertiary", key=f"download-{name}"):
        if otherwise:
            st.caption(literal(otherwise))
        for file in files:
            st.download_button(
                file.label,
                _kept_in_mind(view, f"{name}.{file.extension}", file.make),
                file_name=tables.file_name(reference, name, file.extension, anonymous=view.reader.anonymous),
                mime=file.mime,
                key=f"download-{name}-{file.label}",
                on_click="ignore",
                type="tertiary",
            )


def _kept_in_mind(view: View, what: str, make: Callable[[], bytes]) -> Callable[[], bytes]:
    """The file, once the audit says that it was made. What fails is logged without data: Streamlit, which
    says that there is no file, would log the exception's words.
    """
    database, anonymous = view.workspace.database, view.reader.anonymous
    of_class = f", class {view.shown.id}" if view.shown else ""

    def make_audited() -> bytes:
        try:
            made = make()
            told = f"{what}{of_class}{', pseudonyms' if anonymous else ''}"
            save_event(database, "dashboard", "report" if what == "report.pdf" else "export", told)
            return made
        except Exception as error:  # noqa: BLE001 - the last fence before Streamlit's log
            sentence = sentence_for(error, "download")
        raise RuntimeError(sentence)

    return make_audited


def _about(view: View) -> dict[str, str]:
    """Whose numbers a file holds, and as of when."""
    told: dict[str, str | None] = {"Names": "Pseudonyms" if view.reader.anonymous else None}
    if cohort := view.maybe_cohort:
        told = {
            "Class": cohort.class_data.name,
            "Group": cohort.group,
            "Type of assignment": cohort.type,
            "As of": moment(cohort.as_of.to_pydatetime(), cohort.tz),
            **told,
        }
    return {name: text for name, text in told.items() if text}


def _attribution(view: View) -> str:
    """ "Cohort 12 · Tuesday · as of Monday 23 November 2026, 06:28 UTC"."""
    about = _about(view)
    if "Names" in about:
        about["Names"] = "names are pseudonyms"
    return " · ".join([*about.values()]).replace(about["As of"], f"as of {about['As of']}")
