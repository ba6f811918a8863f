"""The drafts of messages, each with a live example, and your name."""

from __future__ import annotations

import streamlit as st

from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.dashboard.components import notices
from cohort_core.dashboard.components.text import count, literal, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.dashboard.sync_panel import commands_of
from cohort_core.errors import BadInput
from cohort_core.formatting import long_day
from cohort_core.reports.drafts import KINDS, MAX_BODY, MAX_SUBJECT, PLACEHOLDERS, check_template, fill
from cohort_core.services.drafts import Draft

WHEN = {
    "never_started": "For students who have not started anything.",
    "silent": "For students who were silent for some days, and are stuck in nothing.",
    "silent_and_stuck": "For students who were silent for some days, and are stuck in an assignment.",
    "stuck": "For students who work, and are stuck in an assignment.",
    "behind": "For students who work, and have not completed what most of the class has.",
    "back_again": "For students who are active this week, after two silent weeks or more.",
    "praise": "For students who deserve a word, and for all others who do well.",
}
EXAMPLE = {
    "first_name": "Amara",
    "assignment": "“Loops”",
    "days": count(12, "day"),
    "missing": "“Loops” and “Functions”",
}
_NOTICE = "drafts-notice"


def show(view: View) -> None:
    """Show the name below messages, and the template of each reason with an example."""
    notices.show(_NOTICE)
    has_account = view.reader.principal.account_id is not None
    if view.admin or has_account:
        st.subheader("Your name", anchor=False)
        _ask_name(view)
    st.subheader("Drafts", anchor=False)
    st.caption(
        "The text that *Message* offers, one for each reason. You can still change it for each student, and "
        "nothing is sent from here."
    )
    kind = st.segmented_control(
        "Reason",
        list(KINDS),
        format_func=KINDS.__getitem__,
        key="draft-kind",
        default=next(iter(KINDS)),
        required=True,
    )
    _edit(view, view.reader.drafts()[kind])


def _ask_name(view: View) -> None:
    name = view.reader.mentor_name or ""
    has_account = view.reader.principal.account_id is not None
    is_fixed = "mentor_name" in set_by_environment() and not has_account
    st.text_input(
        "Your name, below each message",
        value=name,
        key=f"mentor-name-{name}",
        max_chars=80,
        on_change=_save_name,
        args=(view, f"mentor-name-{name}"),
        disabled=is_fixed or view.reader.anonymous,
        help="It stands for {mentor}. Without a name, the line with {mentor} is left out.",
        width=320,
    )
    if is_fixed:
        st.caption("Whoever runs this server has set it, so it cannot be changed here.")


def _edit(view: View, draft: Draft) -> None:
    kind = draft.kind
    # A key of each version, so that the fields show what was saved by somebody else or was reset.
    key = f"{kind}-{draft.changed_at}"
    st.caption(WHEN[kind])
    left, right = st.columns(2, gap="large")
    with left:
        subject = st.text_input(
            "Subject", draft.template.subject, key=f"draft-subject-{key}", max_chars=MAX_SUBJECT
        )
        body = st.text_area(
            "Message", draft.template.body, key=f"draft-body-{key}", height=260, max_chars=MAX_BODY
        )
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Save",
                key=f"draft-save-{kind}",
                type="primary",
                on_click=_save,
                args=(view, kind, f"draft-subject-{key}", f"draft-body-{key}"),
            )
            st.button(
                "Reset to ours",
                key=f"draft-reset-{kind}",
                disabled=draft.is_ours,
                on_click=_reset,
                args=(view, kind),
            )
    with right:
        st.markdown("**Example**")
        try:
            template = check_template(subject, body)
        except BadInput as error:
            st.warning(literal(error.message))
        else:
            # Nobody is behind "for 12 days".
            days = None if kind == "behind" else EXAMPLE["days"]
            filled = fill(template, {**EXAMPLE, "days": days, "mentor": view.reader.signature})
            st.text(f"Subject: {filled.subject}")
            st.code(filled.body, language=None, wrap_lines=True)
        if draft.changed_at is None:
            st.caption("This is our text.")
        else:
            st.caption(f"Your text, saved on {long_day(parse_instant(draft.changed_at))}.")
        lines = [f"`{{{name}}}` {meaning}" for name, meaning in PLACEHOLDERS.items()]
        st.caption(
            "You can use these: "
            + "; ".join(lines)
            + ". A line with one that has no value for a student is left out."
        )


# These run before the page does, so that one rerun shows the result.


def _save_name(view: View, key: str) -> None:
    with guarded("settings", stop=False) as problems:
        name = st.session_state[key].strip() or None
        if view.reader.principal.account_id is not None:
            commands_of(view).sign_as(name)
        else:
            admin_of(view).change_settings(Preferences(mentor_name=name))
    notices.keep(_NOTICE, problems, None)


def _save(view: View, kind: str, subject_key: str, body_key: str) -> None:
    with guarded("draft", stop=False) as problems:
        commands_of(view).save_draft(kind, st.session_state[subject_key], st.session_state[body_key])
    saved = f"Saved the draft “{KINDS[kind]}”."
    notices.keep(_NOTICE, problems, saved)


def _reset(view: View, kind: str) -> None:
    with guarded("draft", stop=False) as problems:
        commands_of(view).reset_draft(kind)
    done = f"The draft “{KINDS[kind]}” is ours again."
    notices.keep(_NOTICE, problems, done)
