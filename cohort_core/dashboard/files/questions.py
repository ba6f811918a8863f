"""Questions behind download links.

A question holds functions of modules and plain values, never data of students. So what is fetched is what
holds then: after a purge, after a student was hidden, after a right was taken away. The file for a mail merge
asks with the text that the mentor wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from cohort_core.dashboard.components.text import moment
from cohort_core.errors import BadInput
from cohort_core.export import class_night, director, handover, images, pdf, tables
from cohort_core.reports.report import Report
from cohort_core.services.reader import Reader
from cohort_core.services.services import Services

if TYPE_CHECKING:
    from cohort_core.metrics.cohort import Cohort
    from cohort_core.services.admin_commands import AdminCommands

PDF_MEDIA_TYPE = "application/pdf"
MAIL_MERGE = "mail-merge"
_PLAIN = (str, int, float, bool, date, type(None))


@dataclass(frozen=True)
class Step:
    """A function of a module with plain values; comparable, and without data."""

    function: Callable[..., Any]
    values: tuple[Any, ...] = ()
    named: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could hold data: closures, functions of a page, other values.

        Streamlit runs the file of a page anew each time, so its functions would never be equal, and would
        keep the frames of that run.
        """
        name, module = getattr(self.function, "__qualname__", ""), self.function.__module__
        if module == "__main__" or getattr(sys.modules.get(module), name, None) is not self.function:
            raise TypeError(f"{name} is no function of a module, so it cannot be part of a question")
        for value in (*self.values, *(value for _, value in self.named)):
            if not isinstance(value, _PLAIN):
                raise TypeError(f"a value of {name} is not plain, so it cannot be part of a question")

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Step:
        """Make a step of a function, or of a `functools.partial` of it."""
        if isinstance(function, partial):
            return cls(function.func, function.args, tuple(sorted(function.keywords.items())))
        return cls(function)

    def __call__(self, subject: Any) -> Any:
        return self.function(*self.values, subject, **dict(self.named))


@dataclass(frozen=True)
class Selection:
    """The class and its part that a page shows; none for files about all classes."""

    class_id: str | None = None
    as_of: str | None = None
    group: str | None = None
    type: str | None = None


@dataclass(frozen=True)
class Source:
    """A reader with the rights of the person who asks, and the selection.

    Every `ask` of a question is a function of this.
    """

    services: Services
    reader: Reader
    selection: Selection

    @property
    def class_id(self) -> str:
        if self.selection.class_id is None:
            raise AssertionError("this question is about no class")
        return self.selection.class_id

    def require_admin(self) -> AdminCommands:
        """Return what an administrator may do; raises ``NotAllowed`` for others."""
        return self.services.admin(self.reader.principal)

    @cached_property
    def cohort(self) -> Cohort:
        chosen = self.selection
        return self.reader.cohort(self.class_id, chosen.as_of, chosen.group, chosen.type)


@dataclass(frozen=True)
class Question:
    """A file, by everything that it takes to make it."""

    name: str
    """The name of the report in the name of the file, and in the audit."""
    ask: Step
    """Gives the report, from a `Source`."""
    selection: Selection
    anonymous: bool
    reference: str | None = None
    """The short name of the class in the name of the file."""
    extension: str = "csv"
    narrow: Step | None = None
    """Gives the rows that the page shows, from the frame of the report."""
    picture: Step | None = None
    """Gives the chart, from the narrowed frame."""
    scene: Step | None = None
    """Gives the chart, from a `Source`: for charts of more than the report."""
    title: str = ""
    """Stands above a picture, after the name of the subject of `ask`."""

    @property
    def has_text(self) -> bool:
        """True if it holds a text that a mentor wrote."""
        return self.name == MAIL_MERGE

    @property
    def file_name(self) -> str:
        return tables.file_name(self.reference, self.name, self.extension, anonymous=self.anonymous)

    @property
    def media_type(self) -> str:
        media_types: dict[str, str] = {"pdf": PDF_MEDIA_TYPE}
        media_types |= {name: kind.media_type for name, kind in tables.KINDS.items()}
        media_types |= {name: media_type for name, (media_type, _) in images.KINDS.items()}
        return media_types[self.extension]


def report_of(source: Source, name: str, **parameters: str) -> Report:
    """Return a report of the catalog for the selection of the page."""
    chosen = source.selection
    return source.reader.report(
        name, source.class_id, as_of=chosen.as_of, group=chosen.group, type=chosen.type, **parameters
    )


def answer(question: Question, services: Services, reader: Reader) -> bytes:
    """Compute a file.

    Raises ``BadInput`` or ``UnknownClass`` when its subject is gone, and ``NotAllowed`` when a right is.
    """
    source = Source(services, reader, question.selection)
    if question.extension == "pdf":
        return SHEETS[question.name][1](source)
    if table := _table_kind(question.extension):
        return table.write(_report(question, source), context(source))
    chart = _chart(question, source)
    if chart is None:
        raise BadInput("There is nothing to draw any more.", parameter="picture")
    picture = images.Picture(chart, _title(question, source), attribution(source))
    _, make = next(kind for name, kind in images.KINDS.items() if name == question.extension)
    return make(picture)


def _class_report(source: Source) -> bytes:
    reader = source.reader
    return pdf.class_report(source.cohort, reader.band_meanings(), anonymous=reader.anonymous)


def _class_night(source: Source) -> bytes:
    chosen, reader = source.selection, source.reader
    cohort, night = reader.class_night(source.class_id, chosen.as_of, chosen.group)
    return class_night.class_night_sheet(cohort, night, anonymous=reader.anonymous)


def _handover(source: Source) -> bytes:
    chosen, reader = source.selection, source.reader
    cohort = reader.cohort(source.class_id, chosen.as_of, chosen.group)
    return handover.handover(
        cohort,
        reader.contact_frame(source.class_id),
        reader.holding_hides(cohort),
        reader.handover_notes(source.class_id),
        anonymous=reader.anonymous,
    )


def _director(source: Source) -> bytes:
    chosen, reader = source.selection, source.reader
    page = reader.director_page(source.class_id, None, chosen.as_of, chosen.group)
    return director.director_page(page, anonymous=reader.anonymous)


SHEETS: dict[str, tuple[str, Callable[[Source], bytes]]] = {
    "report": ("Class report", _class_report),
    "class-night": ("Class night sheet", _class_night),
    "handover": ("Handover", _handover),
    "director": ("Director's page", _director),
}
"""The label and maker of each PDF, by the name of its question."""


def context(source: Source) -> dict[str, str]:
    """Return the class, the filters and the day of the numbers in a file."""
    entries: dict[str, str | None] = {}
    if source.selection.class_id is not None:
        cohort = source.cohort
        entries = {
            "Class": cohort.class_data.name,
            "Group": cohort.group,
            "Type of assignment": cohort.type,
            "As of": moment(cohort.as_of.to_pydatetime(), cohort.tz),
        }
    entries["Names"] = "Pseudonyms" if source.reader.anonymous else None
    return {name: text for name, text in entries.items() if text}


def attribution(source: Source) -> str:
    """Describe the numbers below a picture.

    For example "Cohort 12 · Tuesday · as of Monday 23 November 2026, 06:28 UTC".
    """
    words = {"As of": "as of {}", "Names": "names are pseudonyms"}
    return " · ".join(words.get(name, "{}").format(text) for name, text in context(source).items())


def _report(question: Question, source: Source) -> tables.Tabular:
    report: tables.Tabular = question.ask(source)
    if question.narrow is None or not isinstance(report, Report):
        return report
    return Report(report.name, question.narrow(report.frame), report.row, report.fields)


def _chart(question: Question, source: Source) -> Any:
    if question.scene is not None:
        return question.scene(source)
    report = _report(question, source)
    if question.picture is None or not isinstance(report, Report):
        raise AssertionError("this question is about no picture")
    return question.picture(report.frame)


def _title(question: Question, source: Source) -> str:
    """Return the title, with the name that its subject has for this reader now."""
    parameters = dict(question.ask.named)
    frames = {"student_id": "students", "assignment_id": "assignments"}
    for parameter, frame in frames.items():
        if parameter in parameters:
            name = getattr(source.cohort, frame).loc[parameters[parameter], "name"]
            return f"{name}: {question.title}"
    return question.title


def _table_kind(extension: str) -> tables.Kind | None:
    return next((kind for name, kind in tables.KINDS.items() if name == extension), None)
