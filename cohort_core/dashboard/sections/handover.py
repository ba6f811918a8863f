"""The handover: its gaps, a mentor's answers, and the text for the next mentor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cohort_core.dashboard.components import notices
from cohort_core.dashboard.components.text import count, literal
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, lazy_expander
from cohort_core.dashboard.sync_panel import commands_of
from cohort_core.errors import AnswerChanged
from cohort_core.export import handover as sheet
from cohort_core.store.handover import MAX_TEXT, QUESTIONS, HandoverNote

_CLASS, _GROUP = "class", "group"
_NOTICE, _UNSAVED, _FIELD = "handover-notice", "handover-unsaved", "handover-answer-"
_READABLE = "Write what the student may read: they may ask for it."


def describe(view: View) -> str:
    """Describe the subject and the reader of the handover."""
    of = "of the group" if view.group_id else "of the class"
    if view.commands is None:
        return f"For the next mentor {of}: where each student is."
    return f"For the next mentor {of}: where each student is, and what only you know."


def show(view: View) -> None:
    """Show what is missing, the answers to edit, and the rest of the handover."""
    notices.show(_NOTICE)
    notes = view.reader.handover_notes(view.class_id)
    if view.commands is None:
        _show_rest(view, notes)
        return
    if view.reader.anonymous:
        st.info("Answers may name people, so none are shown or written in anonymous mode.")
        _show_rest(view, notes)
        return
    left, right = st.columns(2, gap="large")
    with left:
        _show_gaps(view, notes)
        _ask(view, notes)
    with right:
        _show_rest(view, notes)


def _show_gaps(view: View, notes: Sequence[HandoverNote]) -> None:
    st.header("Still missing", anchor=False)
    students = len(view.cohort.students)
    gaps = sheet.gaps(view.cohort, notes)
    if not any(gaps.values()):
        st.write("Nothing: every question is answered for every student.")
        return
    for question, number in gaps.items():
        missing = f"no answer for {number:,} of {count(students, 'student')}"
        st.text(f"{QUESTIONS[question]}: {missing if number else 'answered for everybody'}")
    answered = {note.student_id for note in notes}
    rest = view.cohort.students["name"][~view.cohort.students.index.isin(answered)]
    if not rest.empty:
        with st.expander(f"Without any answer ({len(rest)})"):
            st.text(", ".join(sorted(rest, key=str.casefold)))
    st.caption("You need not answer everything. The next mentor sees the answers that there are.")


def _ask(view: View, notes: Sequence[HandoverNote]) -> None:
    """Ask the four questions about the class, the group or a student."""
    subjects = _subjects(view)
    st.header("Answer", anchor=False)
    subject = st.selectbox(
        "About",
        list(subjects),
        format_func=lambda key: subjects.get(key, ""),
        key="handover-about",
        width=420,
        on_change=_keep_unsaved,
    )
    present = {note.question: note.text for note in notes if _subject_of(view, note) == subject}
    present = {
        question: _opened_with(view, subject, question, present.get(question, "")) for question in QUESTIONS
    }
    for question, title in QUESTIONS.items():
        text = present[question]
        # With the text in its key, a field shows what was saved meanwhile.
        st.text_area(
            title,
            st.session_state.get(_UNSAVED, {}).get(_field(view, subject, question, text), text),
            key=_field(view, subject, question, text),
            max_chars=MAX_TEXT,
            height=90,
            help=_READABLE,
        )
    about = subjects[subject]
    if subject in (_CLASS, _GROUP):
        about = f"{about[0].lower()}{about[1:]}"
    st.button(
        literal(f"Save for {about}"),
        key="handover-save",
        type="primary",
        on_click=_save,
        args=(view, subject, subjects[subject], present),
    )


def _subjects(view: View) -> dict[str, str]:
    """Return the labels of everything that can be answered about; they stay when answers come."""
    labels = {_CLASS: "The whole class"}
    if view.group_id:
        labels[_GROUP] = f"The group {view.cohort.group}"
    names = view.cohort.students["name"]
    order = sorted(names.index, key=lambda student_id: (names[student_id].casefold(), student_id))
    return labels | {student_id: names[student_id] for student_id in order}


def _subject_of(view: View, note: HandoverNote) -> str | None:
    """Return the key of the subject of a note; None for another group's."""
    if note.student_id is not None:
        return note.student_id
    if note.group_id is None:
        return _CLASS
    return _GROUP if note.group_id == view.group_id else None


def _field(view: View, subject: str, question: str, text: str) -> str:
    return f"{_FIELD}{view.class_id}-{view.group_id}-{subject}-{question}-{text}"


def _opened_with(view: View, subject: str, question: str, present: str) -> str:
    """Return the answer over which a text was typed.

    For an untouched field it is the present answer.
    """
    place = f"opened-{_field(view, subject, question, '')}"
    opened = str(st.session_state.get(place, present))
    field = _field(view, subject, question, opened)
    unsaved = st.session_state.get(_UNSAVED, {}).get(field, opened)
    typed = str(st.session_state.get(field, unsaved)).strip()
    st.session_state[place] = present if typed in (opened, present) else opened
    return str(st.session_state[place])


def _show_rest(view: View, notes: Sequence[HandoverNote]) -> None:
    content = sheet.content(
        view.cohort,
        view.reader.contact_frame(view.class_id),
        view.reader.holding_hides(view.cohort),
        notes,
        anonymous=view.reader.anonymous,
    )
    st.header("What it says", anchor=False)
    st.text("\n".join([*content["lines"], *_note_lines(content["notes"])]))
    hidden = content["hidden"]
    st.markdown(f"**Hidden from the list ({len(hidden)})**")
    for line in hidden or ["Nobody."]:
        st.text(line)
    label = f"The students ({len(content['students'])})"
    lazy_expander(label, "handover-students", _show_students, content["students"])


def _show_students(students: Sequence[Mapping[str, Any]]) -> None:
    for student in students:
        st.markdown(f"**{literal(student['name'])}**")
        st.text("\n".join([*student["lines"], *_note_lines(student["notes"])]))


def _note_lines(notes: Sequence[Mapping[str, str]]) -> list[str]:
    return [f"{note['question']}: {note['text']}" for note in notes]


# These run before the page does, so that one rerun shows the answers everywhere.


def _keep_unsaved() -> None:
    """Keep what stands in the fields: Streamlit forgets fields that are not shown."""
    fields = {str(key): text for key, text in st.session_state.items() if str(key).startswith(_FIELD)}
    st.session_state[_UNSAVED] = st.session_state.get(_UNSAVED, {}) | fields


def _save(view: View, subject: str, label: str, present: Mapping[str, str]) -> None:
    about: dict[str, str] = {}
    if subject == _GROUP and view.group_id:
        about = {"group": view.group_id}
    elif subject != _CLASS:
        about = {"student_id": subject}
    changed, newer = 0, []
    with guarded("handover", stop=False) as problems:
        for question, before in present.items():
            field = _field(view, subject, question, before)
            text = str(st.session_state.get(field, before)).strip()
            if text == before:
                st.session_state.get(_UNSAVED, {}).pop(field, None)
                continue
            # After a refusal, the answer that it showed.
            place = f"shown-{field}"
            shown = st.session_state.pop(place, before)
            try:
                commands_of(view).save_handover_note(view.class_id, question, text, before=shown, **about)
                changed += 1
                st.session_state.get(_UNSAVED, {}).pop(field, None)
            except AnswerChanged as error:
                theirs = st.session_state[place] = error.details["present"]
                newer.append(
                    f"{QUESTIONS[question]}: {f'“{theirs}”' if theirs else 'the answer was removed'}"
                )
    if newer:
        problems.append(
            f"Somebody changed this answer while you wrote. {' '.join(newer)} What you typed is still in the "
            "field. Save it again to replace theirs."
        )
    saved = f"Saved for the handover: {label}." if changed else "Nothing to save: no answer changed."
    notices.keep(_NOTICE, problems, saved)
