"""Import the roster and the mentors from a file, after a preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import BaseModel, Field

from cohort_core import formatting
from cohort_core.dashboard.components import downloads
from cohort_core.dashboard.components.tables import MAX_ROWS, ROW_PIXELS
from cohort_core.dashboard.components.text import and_more, count, literal, upper_first
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.errors import BadInput
from cohort_core.export import tables
from cohort_core.imports import roster_files
from cohort_core.imports.roster_files import Matched, MentorsPlan, RosterPlan
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.groups import groups
from cohort_core.store.class_data import ClassData
from cohort_core.store.classes import ClassStatus
from cohort_core.store.roster import Enrolment

MAX_GROUPS = 30
MAX_MENTORS = 30
_NOTICE, _ROUND = "import-notice", "import-round"

STUDENT_HELP = """
| column | what it holds |
|---|---|
| `email`, or `first_name` and `last_name`, or `student_id` | who it is: as at OpenClass |
| `night`, `region` | the groups by which you want to look at the class |
| `enrolled_on`, `withdrawn_on` | days such as 2026-09-01; may be empty |
| `class` | only if the file is about several classes: the id or friendly id |
"""
TEMPLATE_HELP = (
    "The template is a CSV file with these columns. Outside of anonymous mode the students of the class are "
    "in it already: fill in night and region, and add who is missing."
)


class RosterLine(BaseModel):
    """A line of the template."""

    student_id: str | None = Field(description="OpenClass id; empty for students who have not started.")
    email: str | None
    first_name: str | None
    last_name: str | None
    night: str | None = Field(description="Class night.")
    region: str | None = Field(description="Region.")
    enrolled_on: str | None = Field(description="First day, such as 2026-09-01.")
    withdrawn_on: str | None = Field(description="Last day.")


class MentorLine(BaseModel):
    """A line of the mentors' template."""

    name: str
    night: str | None = Field(description="Class night.")


def show(view: View) -> None:
    if notice := st.session_state.pop(_NOTICE, None):
        good, sentence = notice
        (st.success if good else st.error)(literal(sentence))
    st.subheader("Students", anchor=False)
    st.caption(
        "OpenClass does not tell class nights, regions, or who has not started anything. A file with your "
        "students adds them. Nothing is written before you press Import."
    )
    classes = {status.id: status for status in view.classes if status.is_active or status.synced_at}
    if classes:
        _ask_students(view, classes)
    else:
        st.info("Choose the classes that you follow first, under Classes.")
    st.subheader("Mentors", anchor=False)
    _ask_mentors(view)


def _ask_students(view: View, classes: Mapping[str, ClassStatus]) -> None:
    shown = view.shown.id if view.shown and view.shown.id in classes else next(iter(classes))
    class_id = st.selectbox(
        "Class",
        list(classes),
        index=list(classes).index(shown),
        format_func=lambda class_id: classes[class_id].name,
        key="import-class",
    )
    st.text(_roster_now(view.reader.cohort(class_id)))
    with st.container(horizontal=True, vertical_alignment="center"):
        downloads.template(view, "students", partial(roster_template, class_id=class_id))
        with st.popover("Which columns?", icon=":material/help:"):
            st.markdown(STUDENT_HELP)
            st.caption(TEMPLATE_HELP)
    text = _upload("Roster, as CSV", "students")
    if text is None:
        return
    plan = admin_of(view).plan_students(text, class_id)
    by_column = plan.names_classes and st.checkbox(
        "Each line is about the class in its column `class`", value=True, key="import-by-column"
    )
    if by_column:
        plan = admin_of(view).plan_students(text)
    names = {status.id: status.name for status in view.classes}
    _preview(plan, names, anonymous=view.reader.anonymous)
    st.button(
        "Import",
        key="import-students",
        type="primary",
        disabled=not plan.lines,
        on_click=_import_students,
        args=(view, text, None if by_column else class_id),
    )


def _ask_mentors(view: View) -> None:
    mentors = admin_of(view).mentors()
    if not mentors:
        st.caption("No mentors yet. A file with their names and class nights adds them.")
    elif view.reader.anonymous:
        st.caption(f"{count(len(mentors), 'mentor')}; their names are kept back in anonymous mode.")
    else:
        names = [f"{mentor.name} ({mentor.night})" if mentor.night else mentor.name for mentor in mentors]
        st.text(and_more(names, MAX_MENTORS))
    downloads.template(view, "mentors", mentors_template)
    text = _upload("Mentors, as CSV", "mentors")
    if text is None:
        return
    plan = roster_files.plan_mentors(text)
    _preview_mentors(plan, len(mentors), anonymous=view.reader.anonymous)
    st.button(
        "Import",
        key="import-mentors",
        type="primary",
        disabled=not plan.mentors,
        on_click=_import_mentors,
        args=(view, text),
    )


def _upload(label: str, key: str) -> str | None:
    """Show an uploader, and return the text of the chosen file.

    The result is None while no file is chosen. It is also None for a file that cannot be used; then a notice
    says why.
    """
    # Streamlit cannot empty an uploader, so each round has a new one with its own key.
    file = st.file_uploader(
        label, key=f"upload-{key}-{st.session_state.get(_ROUND, 0)}", max_upload_size=_max_megabytes()
    )
    if file is None:
        return None
    content = file.getvalue()
    try:
        text = roster_files.decode(content, "The file")
        if key == "students":
            roster_files.check_columns(text, roster_files.IDENTITY_COLUMNS)
        else:
            roster_files.check_columns(text, ("name",))
    except BadInput as error:
        st.error(literal(error.message))
        return None
    if not roster_files.is_utf8(content):
        st.warning(
            "The file does not say how its letters are written. It was read as Windows has them: look below "
            "whether accents are right. If not, save it as CSV (UTF-8)."
        )
    return text


def _max_megabytes() -> int:
    return roster_files.SIZE_LIMIT_BYTES // 1024**2


def _roster_now(cohort: Cohort) -> str:
    current = groups(cohort)
    if not current:
        return "This class has no groups yet."
    parts = []
    for kind in dict.fromkeys(group.kind for group in current):
        sizes = [f"{group.label} {group.students}" for group in current if group.kind == kind]
        parts.append(f"{kind.capitalize()}s: {and_more(sizes, MAX_GROUPS)}")
    return " · ".join(parts)


def roster_template(source: Source, class_id: str) -> tables.Table:
    """Return the template for the students of a class, for a file."""
    source.require_admin()
    return _template(source.reader.class_data(class_id), anonymous=source.reader.anonymous)


def mentors_template(source: Source) -> tables.Table:
    """Return the template for mentors, with those there are outside of anonymous mode."""
    admin = source.require_admin()
    mentors = [] if source.reader.anonymous else admin.mentors()
    return tables.Table("mentors", MentorLine, [vars(mentor) for mentor in mentors])


def _template(class_data: ClassData, *, anonymous: bool) -> tables.Table:
    """Make a template with the students of the class in it.

    In anonymous mode it has no students, because an import could not match pseudonyms.
    """
    rows: list[dict[str, Any]] = []
    students = (
        class_data.students.iloc[:0]
        if anonymous
        else class_data.students.sort_values(["last_name", "first_name"])
    )
    for row in students.to_dict("records"):
        line = {name: None if pd.isna(row[name]) else row[name] for name in RosterLine.model_fields}
        if str(line["student_id"]).startswith("roster-"):
            line["student_id"] = None
        for name in roster_files.DATE_COLUMNS:
            line[name] = line[name] and f"{line[name]:%Y-%m-%d}"
        rows.append(line)
    return tables.Table("students", RosterLine, rows)


def _preview(plan: RosterPlan, names: Mapping[str, str], *, anonymous: bool) -> None:
    lines = plan.lines
    st.markdown("**What would be imported**")
    if not lines:
        st.error("No line of this file can be used.")
    else:
        st.text(_summary(plan))
        if not plan.matched:
            st.warning(
                "Nobody in this file is known at OpenClass. Is it the right class, and the right file?"
            )
    for class_id in plan.by_class:
        if not plan.by_class[class_id]:
            continue
        parts = [f"{names.get(class_id, class_id)}: {count(len(plan.by_class[class_id]), 'student')}"]
        for kind, numbers in plan.groups(class_id).items():
            sizes = [f"{label} {number}" for label, number in sorted(numbers.items())]
            parts.append(f"{kind.capitalize()}s: {and_more(sizes, MAX_GROUPS)}")
        if replaced := plan.replaced.get(class_id, 0):
            parts.append(f"replaces the {count(replaced, 'line')} imported before")
        st.text(" · ".join(parts))
    if plan.unusable:
        with st.expander(f"Cannot be used ({len(plan.unusable)})", expanded=True):
            _table(
                [{"Line": line.line, "Why": f"{upper_first(line.reason)}."} for line in plan.unusable],
                "Lines that cannot be used",
            )
    if anonymous:
        st.caption("Names are kept back in anonymous mode.")
        return
    unseen = [line for line in lines if line.student is None]
    if unseen:
        with st.expander(f"Not seen at OpenClass yet ({len(unseen)})", expanded=len(unseen) < len(lines)):
            st.caption(
                "They count as students who have not started. Is one of them there under another name or "
                "email? Then add the student_id."
            )
            _table([_to_row(line) for line in unseen], "Students who are not seen at OpenClass yet")
    matched = [line for line in lines if line.student is not None]
    if matched:
        with st.expander(f"Found at OpenClass ({len(matched)})"):
            _table([_to_row(line) for line in matched], "Students who are found at OpenClass")


def _summary(plan: RosterPlan) -> str:
    """Count the lines of the file.

    For example "41 of 43 lines: 38 found at OpenClass, 3 not seen there yet, 2 cannot be used.".
    """
    lines = len(plan.lines)
    parts = [f"{plan.matched:,} found at OpenClass", f"{plan.unseen:,} not seen there yet"]
    if plan.unusable:
        parts.append(f"{len(plan.unusable):,} cannot be used")
    return f"{lines:,} of {count(lines + len(plan.unusable), 'line')}: {', '.join(parts)}."


def _to_row(line: Matched) -> dict[str, Any]:
    enrolment, student = line.enrolment, line.student
    row = {"Line": line.line, "In the file": _name_in_file(enrolment)}
    if student is not None:
        name = f"{student.first_name or ''} {student.last_name or ''}".strip()
        row["At OpenClass"] = name or student.email or student.id
    return row | {
        "Night": enrolment.night,
        "Region": enrolment.region,
        "Enrolled": enrolment.enrolled_on,
        "Withdrawn": enrolment.withdrawn_on,
    }


def _name_in_file(enrolment: Enrolment) -> str:
    name = f"{enrolment.first_name or ''} {enrolment.last_name or ''}".strip()
    return " · ".join(part for part in (name, enrolment.email) if part) or enrolment.student_id or ""


def _preview_mentors(plan: MentorsPlan, before: int, *, anonymous: bool) -> None:
    st.markdown("**What would be imported**")
    replaced = f" They replace the {before} of before." if before else ""
    st.text(f"{count(len(plan.mentors), 'mentor')}.{replaced}")
    if plan.unusable:
        _table(
            [{"Line": line.line, "Why": f"{upper_first(line.reason)}."} for line in plan.unusable],
            "Lines that cannot be used",
        )
    if not anonymous and plan.mentors:
        _table([{"Name": mentor.name, "Night": mentor.night} for mentor in plan.mentors], "Mentors")


def _table(rows: Sequence[Mapping[str, Any]], alt: str) -> None:
    frame = pd.DataFrame(rows).dropna(axis="columns", how="all")
    st.dataframe(
        frame,
        hide_index=True,
        height=(min(len(frame), MAX_ROWS) + 1) * ROW_PIXELS + 3,
        placeholder=formatting.MISSING,
        alt=alt,
    )


def _import_students(view: View, text: str, class_id: str | None) -> None:
    with guarded("import", stop=False) as problems:
        plan = admin_of(view).import_students(text, class_id)
    _finish_import(problems, "" if problems else f"Imported. {_summary(plan)}")


def _import_mentors(view: View, text: str) -> None:
    with guarded("import", stop=False) as problems:
        plan = admin_of(view).import_mentors(text)
    _finish_import(problems, "" if problems else f"Imported: {count(len(plan.mentors), 'mentor')}.")


def _finish_import(problems: Sequence[str], success: str) -> None:
    """Keep the result for the next run of the page.

    After a success, also empty the uploader.
    """
    st.session_state[_NOTICE] = (False, problems[0]) if problems else (True, success)
    if not problems:
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
