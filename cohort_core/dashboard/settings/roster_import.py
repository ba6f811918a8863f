"""Import the roster and the mentors from a file, after a preview."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import BaseModel, Field

from cohort_core.dashboard.components import downloads, notices
from cohort_core.dashboard.components.text import and_more, count, literal, moment, parse_instant, upper_first
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.files.questions import Source
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.dashboard.settings import roster_preview
from cohort_core.dashboard.settings.roster_preview import GROUP_NAMES, MAX_GROUPS, show_table
from cohort_core.export import tables
from cohort_core.imports import code_pages
from cohort_core.imports.dates import DateOrder
from cohort_core.imports.roster_files import MentorsPlan, ReadingChoices
from cohort_core.imports.roster_lines import RosterFile
from cohort_core.imports.roster_plan import RosterPlan, display_name
from cohort_core.imports.tables import SIZE_LIMIT_BYTES
from cohort_core.metrics.cohort import Cohort
from cohort_core.metrics.groups import groups
from cohort_core.store.class_data import ClassData
from cohort_core.store.classes import ClassStatus

MAX_MENTORS = 30
_NOTICE, _ROUND = "import-notice", "import-round"

_Ask = Callable[..., RosterPlan]
"""Makes the plan of an import, anew each time."""

STUDENT_HELP = """
| column | what it holds |
|---|---|
| email, or first and last name | who it is: as at OpenClass. A student number of your school does no harm |
| night, region | the groups by which you want to look at the class |
| enrolled on, withdrawn on | days such as 2026-09-01; may be empty |
| class | only if the file is about several classes: the name or short name |

The headers of most learning platforms and spreadsheets are understood too.
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
    notices.show(_NOTICE)
    st.header("Students", anchor=False)
    st.caption(
        "OpenClass does not know class nights, regions, or who has not started anything. A file with your "
        "students adds them. Nothing is written before you press Import."
    )
    classes = {status.id: status for status in view.classes if status.is_active or status.synced_at}
    if classes:
        _ask_students(view, classes)
    else:
        st.info("Choose the classes that you follow first, under Classes.")
    st.header("Mentors", anchor=False)
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
    _offer_earlier_roster(view, class_id)
    _show_unseen(view, class_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        downloads.template(view, "students", partial(roster_template, class_id=class_id))
        with st.popover("Which columns?", icon=":material/help:"):
            st.markdown(STUDENT_HELP)
            st.caption(TEMPLATE_HELP)
    content = _upload("Roster, as CSV or XLSX", "students")
    if content is not None:
        _preview(view, class_id, content)


def _offer_earlier_roster(view: View, class_id: str) -> None:
    """Offer the roster of before the last import, with what it holds."""
    earlier = admin_of(view).earlier_rosters(class_id)
    if not earlier:
        return
    made_at = moment(parse_instant(earlier[0].made_at), view.reader.cohort(class_id).tz)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Undo the last import",
            key="import-undo",
            icon=":material/undo:",
            on_click=_undo,
            args=(view, class_id),
        )
        st.caption(
            f"Of {literal(made_at)}. The roster of before comes back, with {count(earlier[0].lines, 'line')}."
        )


def _show_unseen(view: View, class_id: str) -> None:
    """Show the lines of the roster that mean nobody, to remove or to settle."""
    unseen = admin_of(view).unseen_lines(class_id)
    if not unseen:
        return
    everybody = [line.stand_in_id or "" for line, _ in unseen]
    with st.expander(f"On the roster, not seen at OpenClass ({len(unseen)})"):
        st.caption(
            "They count as students who never started. Remove those who are no students of the class; you "
            "can undo that."
        )
        chosen: list[str] = []
        same: dict[str, str] = {}
        if not view.reader.anonymous:
            shown = view.reader.cohort(class_id).students["name"].to_dict()
            names = {line.stand_in_id or "": display_name(line) or "–" for line, _ in unseen} | shown
            rows = [
                {"Name": names[line.stand_in_id or ""], "Do you mean": near and names.get(near.id)}
                | roster_preview.person_row(line, with_name=False)
                for line, near in unseen
            ]
            show_table(rows, "Lines of the roster that match nobody at OpenClass")
            chosen = st.multiselect(
                "Students to remove",
                everybody,
                format_func=names.__getitem__,
                key=f"unseen-{class_id}",
                placeholder="Choose students",
            )
            same = {line.stand_in_id or "": near.id for line, near in unseen if near is not None}
        offers: list[tuple[str, str, list[str], dict[str, str]]] = [
            ("chosen", "Remove the chosen", chosen, {}),
            ("same", f"Take {count(len(same), 'suggestion')}", [], same),
            ("all", f"Remove all {len(unseen):,}", everybody, {}),
        ]
        with st.container(horizontal=True):
            for key, label, removed, meant in offers:
                if removed or meant:
                    st.button(
                        label,
                        key=f"unseen-{key}",
                        on_click=_change_unseen,
                        args=(view, class_id, removed, meant),
                    )


def _preview(view: View, class_id: str, content: bytes) -> None:
    """Show the effect of an import, with choices and the button."""
    with guarded("import", stop=False) as problems:
        plan, ask = _choose_import(view, class_id, content)
        roster_preview.show_result(plan, anonymous=view.reader.anonymous)
        roster_preview.show_moves(plan, admin_of(view).band_moves(plan), anonymous=view.reader.anonymous)
        says_leave = any(line.decision == "leave" and not line.was_answered for line in plan.of_state("near"))
        if not plan.used:
            remembered = " Import only notes which lines you leave out." if says_leave else ""
            st.error(f"No line of this file would be used.{remembered}")
        st.button(
            "Import",
            key="import-students",
            type="primary",
            disabled=not (plan.used or says_leave),
            on_click=_import_students,
            args=(view, ask),
        )
    for problem in problems:
        st.error(literal(problem))


def _choose_import(view: View, class_id: str, content: bytes) -> tuple[RosterPlan, _Ask]:
    """Ask about the file and its lines.

    Returns the plan that results, and how to make it again.
    """
    key = f"import-{st.session_state.get(_ROUND, 0)}"
    ask: _Ask = partial(admin_of(view).plan_students, content)
    plan = ask(class_id)
    if (reading := _choose_reading(plan.file, key)) != ReadingChoices():
        ask = partial(ask, reading=reading)
        plan = ask(class_id)
    reference: str | None = class_id
    by_column = "Each line is about the class in its column `class`"
    if plan.names_classes and st.checkbox(by_column, value=True, key=f"{key}-by-column"):
        reference = None
        plan = ask(reference)
    if any(part.before for part in plan.by_class.values()):
        mode = st.radio("The present roster", _MODES, horizontal=True, key=f"{key}-mode", help=_MODES_HELP)
        ask = partial(ask, is_added=mode == _MODES[1])
    choices = roster_preview.show(plan, key, anonymous=view.reader.anonymous)
    ask = partial(ask, reference, choices=choices)
    return ask(), ask


_MODES = ("Replace it", "Add to it")
_MODES_HELP = "Who is not in the file leaves the roster, or stays on it. You can undo both."
_DATE_ORDERS: dict[DateOrder, str] = {
    "day_first": "1 September, the day first",
    "month_first": "9 January, the month first",
}


def _choose_reading(file: RosterFile, key: str) -> ReadingChoices:
    """Ask what the file leaves open; nothing for a file that leaves nothing open."""
    encoding = order = sheet = night = None
    with st.container(horizontal=True):
        if file.sheet is None and not (file.encoding_is_certain and file.encoding.startswith("UTF")):
            names = [file.encoding, *(name for name in code_pages.ENCODINGS if name != file.encoding)]
            encoding = st.selectbox("Letters of the file", names, key=f"{key}-encoding", width=220)
        if file.dates_are_unclear:
            order = st.selectbox(
                "01/09 in the file is",
                list(_DATE_ORDERS),
                index=None,
                format_func=_DATE_ORDERS.__getitem__,
                placeholder="Choose",
                key=f"{key}-dates",
                width=280,
            )
        if len(file.sheets) > 1:
            place = file.sheets.index(file.sheet) if file.sheet in file.sheets else 0
            sheet = st.selectbox("Sheet", file.sheets, index=place, key=f"{key}-sheet", width=220)
        if file.night_candidates:
            night = st.selectbox(
                "Class night is in the column",
                file.night_candidates,
                index=None,
                placeholder="None of these",
                key=f"{key}-night",
                width=280,
            )
    return ReadingChoices(
        encoding=None if encoding == file.encoding else encoding,
        date_order=order,
        sheet=None if sheet == file.sheet else sheet,
        night_column=night,
    )


def _ask_mentors(view: View) -> None:
    mentors = admin_of(view).mentors()
    if not mentors:
        st.caption("No mentors yet. A file with their names and class nights adds them.")
    elif view.reader.anonymous:
        st.caption(f"{count(len(mentors), 'mentor')}; their names are hidden in anonymous mode.")
    else:
        names = [f"{mentor.name} ({mentor.night})" if mentor.night else mentor.name for mentor in mentors]
        st.text(and_more(names, MAX_MENTORS))
    downloads.template(view, "mentors", mentors_template)
    content = _upload("Mentors, as CSV or XLSX", "mentors")
    if content is None:
        return
    with guarded("import", stop=False) as problems:
        plan = admin_of(view).plan_mentors(content)
    if problems:
        st.error(literal(problems[0]))
        return
    _preview_mentors(plan, len(mentors), anonymous=view.reader.anonymous)
    st.button(
        "Import",
        key="import-mentors",
        type="primary",
        disabled=not plan.mentors,
        on_click=_import_mentors,
        args=(view, content),
    )


def _upload(label: str, key: str) -> bytes | None:
    """Show an uploader; return the content of the file, None while none is chosen."""
    # Streamlit cannot empty an uploader, so each round has a new one with its own key.
    file = st.file_uploader(
        label, key=f"upload-{key}-{st.session_state.get(_ROUND, 0)}", max_upload_size=_max_megabytes()
    )
    return None if file is None else file.getvalue()


def _max_megabytes() -> int:
    return SIZE_LIMIT_BYTES // 1024**2


def _roster_now(cohort: Cohort) -> str:
    current = groups(cohort)
    if not current:
        return "This class has no groups yet."
    parts = []
    for kind in dict.fromkeys(group.kind for group in current):
        sizes = [f"{group.label} {group.students}" for group in current if group.kind == kind]
        parts.append(f"{GROUP_NAMES[kind]}: {and_more(sizes, MAX_GROUPS)}")
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
        for name in ("enrolled_on", "withdrawn_on"):
            line[name] = line[name] and f"{line[name]:%Y-%m-%d}"
        rows.append(line)
    return tables.Table("students", RosterLine, rows)


def _preview_mentors(plan: MentorsPlan, before: int, *, anonymous: bool) -> None:
    st.markdown("**What would be imported**")
    replaced = f" They replace the {before} of before." if before else ""
    st.text(f"{count(len(plan.mentors), 'mentor')}.{replaced}")
    if plan.unusable:
        show_table(
            [{"Line": line.line, "Why": f"{upper_first(line.reason)}."} for line in plan.unusable],
            "Lines that cannot be used",
        )
    if not anonymous and plan.mentors:
        show_table([{"Name": mentor.name, "Night": mentor.night} for mentor in plan.mentors], "Mentors")


def _import_students(view: View, ask: _Ask) -> None:
    with guarded("import", stop=False) as problems:
        plan = ask()
        admin_of(view).keep_roster(plan)
    _finish(problems, "" if problems else _result(plan), is_file_done=True)


def _result(plan: RosterPlan) -> str:
    """Say what came of an import.

    For example "Imported. 40 of 43 lines are on the roster, 2 of them not seen at OpenClass yet.".
    """
    if not plan.used:
        return f"{count(plan.left_out_now, 'line')} left out. The roster stays as it is."
    unseen = sum(line.is_used and line.meant is None for line in plan.lines)
    begin = f"Imported. {plan.used:,} of {count(len(plan.lines), 'line')} are on the roster"
    return f"{begin}, {unseen:,} of them not seen at OpenClass yet." if unseen else f"{begin}."


def _undo(view: View, class_id: str) -> None:
    with guarded("import", stop=False) as problems:
        _, lines = admin_of(view).undo_roster(class_id)
    _finish(problems, "" if problems else f"The roster of before is back: {count(lines, 'line')}.")


def _change_unseen(view: View, class_id: str, removed: Sequence[str], same: dict[str, str]) -> None:
    with guarded("import", stop=False) as problems:
        changed = admin_of(view).change_unseen(class_id, removed=removed, same=same)
    what = "taken off the roster" if removed else "matched now"
    _finish(problems, "" if problems else f"{count(changed, 'line')} {what}.")


def _import_mentors(view: View, content: bytes) -> None:
    with guarded("import", stop=False) as problems:
        plan = admin_of(view).import_mentors(content)
    _finish(
        problems, "" if problems else f"Imported: {count(len(plan.mentors), 'mentor')}.", is_file_done=True
    )


def _finish(problems: Sequence[str], success: str, *, is_file_done: bool = False) -> None:
    """Keep the result for the next run of the page.

    After an import that succeeded, also empty the uploader.
    """
    notices.keep(_NOTICE, problems, success)
    if is_file_done and not problems:
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
