"""Settings, People: who may sign in, with which role, and what each sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from cohort_core.clock import utc_now
from cohort_core.dashboard.components import notices
from cohort_core.dashboard.components.text import about, ago, count, literal, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.identity import current_session
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.dashboard.settings import school_sign_in
from cohort_core.metrics.groups import groups
from cohort_core.store.accounts import Account
from cohort_core.store.roles import ROLES, Role

ROLE_WORDS: Mapping[Role, tuple[str, str]] = {
    "viewer": ("Viewer", "Sees the pages of their classes, and changes nothing."),
    "mentor": ("Mentor", "Sees their classes with notes, syncs them, writes messages, and hides students."),
    "admin": ("Administrator", "Sees all classes, and changes settings and people."),
    "director": ("Director", "Sees their classes with invented names for all students, and changes nothing."),
}
"""The word for each role, and what it means."""

_NOTICE, _LINK = "people-notice", "people-link"
_NEW = "new-person"
BEFORE_THE_FIRST = (
    "Today nobody signs in: whoever opens this dashboard on this computer sees and changes everything. "
    "From the first account on, everybody has to sign in, on this computer too. So the first account is "
    "yours, and it is an administrator: it sees all classes and adds the other people."
)


def show(view: View) -> None:
    """Show the people with their actions; before the first account, what it will change."""
    notices.show(_NOTICE)
    accounts = view.accounts.accounts()
    if not accounts:
        _begin(view)
        return
    open_sessions = Counter(session.account_id for session in view.accounts.sessions())
    st.subheader("People", anchor=False)
    for account in accounts:
        with st.container(border=True, gap=None):
            _show_account(view, account, open_sessions[account.id])
    _add(view)
    school_sign_in.show(view)
    _end_all(view, open_sessions.total())


def _end_all(view: View, sessions: int) -> None:
    """Offer to sign everybody out, where others are signed in."""
    if sessions > 1:
        st.button(
            f"Sign everybody else out ({count(sessions - 1, 'session')})",
            key="end-all-sessions",
            help="Ends all open sessions but this one, such as after a computer was stolen.",
            on_click=_sign_all_out,
            args=(view,),
        )


def _begin(view: View) -> None:
    """Explain what the first account changes, and ask for it."""
    st.subheader("Let more people in", anchor=False)
    st.write(BEFORE_THE_FIRST)
    st.text_input("Your name for signing in", key="first-name", max_chars=64, width=320, help=_NAME_HELP)
    st.text_input(
        "Password",
        key="first-password",
        type="password",
        width=320,
        help="12 letters or more; a few words in a row are good.",
    )
    st.text_input("The same password again", key="first-again", type="password", width=320)
    understood = st.checkbox("I understand that everybody has to sign in from now on.", key="first-sure")
    st.button(
        "Make the first account", type="primary", disabled=not understood, on_click=_make_first, args=(view,)
    )


_NAME_HELP = "Letters, digits, dots, hyphens and underscores, no spaces. It cannot be changed later."


def _show_account(view: View, account: Account, sessions: int) -> None:
    is_own = account.id == view.reader.principal.account_id
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"person-{account.id}",
    ):
        st.text(f"{account.name} (you)" if is_own else account.name, width="content")
        popover = st.popover(
            about("Change", account.name),
            key=f"change-person-{account.id}",
            type="tertiary",
            icon=":material/edit:",
            on_change="rerun",
        )
    st.caption(literal(describe(view, account)))
    _show_link(view, account)
    if popover.open:
        with popover, guarded("people"):
            _change(view, account, sessions, is_own=is_own)


def describe(view: View, account: Account) -> str:
    """Describe an account in a line: role, classes, groups, state, when it was last here."""
    parts = [ROLE_WORDS[account.role][0], _classes_text(view, account)]
    if account.groups:
        parts.append(f"group {', '.join(account.groups)}")
    if account.oidc_subject:
        parts.append("comes in by the school's sign-in")
    if not account.is_active:
        parts.append("disabled, cannot sign in")
    elif account.last_seen_at is None:
        parts.append("has not signed in yet")
    if account.last_seen_at is not None:
        parts.append(f"last seen {ago(parse_instant(account.last_seen_at), utc_now())}")
    return " · ".join(parts)


def _classes_text(view: View, account: Account) -> str:
    if account.class_ids is None:
        return "all classes"
    names = {status.id: status.name for status in view.classes}
    return ", ".join(sorted(names.get(class_id, "a removed class") for class_id in account.class_ids))


def _add(view: View) -> None:
    """Ask for another person."""
    number = st.session_state.setdefault(_NEW, 0)
    with st.expander("Add a person", key=f"add-person-{number}", icon=":material/person_add:"):
        key = f"{_NEW}-{number}"
        st.text_input("Name for signing in", key=f"{key}-name", max_chars=64, help=_NAME_HELP)
        _ask(view, key, None)
        st.caption("You get a link to send to the person, who chooses a password with it.")
        st.button("Add and make a link", key=f"{key}-add", type="primary", on_click=_create, args=(view, key))


def _ask(view: View, key: str, account: Account | None) -> None:
    """Ask for role, classes, groups and email, filled with those of an account."""
    roles: list[Role] = sorted(ROLES, key=lambda option: option == "admin")
    role: Role = st.selectbox(
        "Role",
        roles,
        index=roles.index(account.role if account else "mentor"),
        format_func=lambda option: ROLE_WORDS[option][0],
        key=f"{key}-role",
    )
    st.caption(ROLE_WORDS[role][1])
    chosen: Sequence[str] = ()
    if role != "admin":
        kept = account.class_ids if account and account.class_ids is not None else frozenset[str]()
        names = {status.id: status.name for status in view.classes if status.is_active or status.id in kept}
        names |= dict.fromkeys(kept - names.keys(), "A removed class")
        chosen = st.multiselect(
            "Classes",
            list(names),
            default=sorted(kept),
            format_func=lambda class_id: names.get(class_id, class_id),
            key=f"{key}-classes",
            placeholder="Choose classes",
            disabled=st.session_state.get(f"{key}-all", account is not None and account.class_ids is None),
        )
        st.checkbox(
            "All classes, later ones too",
            value=account is not None and account.class_ids is None,
            key=f"{key}-all",
        )
    present = list(account.groups) if account else []
    labels = sorted({*present, *_group_labels(view, chosen)})
    if labels:
        st.multiselect(
            "Groups",
            labels,
            default=present,
            key=f"{key}-groups",
            placeholder="None",
            help="Pages begin with this group, such as the mentor's class night. It hides nothing.",
        )
    st.text_input(
        "Email, if you like",
        (account and account.email) or "",
        key=f"{key}-email",
        max_chars=250,
        help="The person can sign in with it instead of the name. The school's sign-in needs it.",
    )


def _group_labels(view: View, class_ids: Sequence[str]) -> set[str]:
    """Return the labels of the groups of these classes, else of the shown class."""
    shown = [view.shown.id] if view.shown is not None else []
    synced = {status.id for status in view.classes if status.synced_at}
    return {
        group.label
        for class_id in (class_ids or shown)
        if class_id in synced
        for group in groups(view.reader.cohort(class_id))
    }


def _asked(view: View, key: str) -> dict[str, Any]:
    """Return the answers to `_ask`, as the commands take them."""
    state = st.session_state
    role = state[f"{key}-role"]
    is_for_all = role == "admin" or state.get(f"{key}-all")
    return {
        "role": role,
        "references": None if is_for_all else state.get(f"{key}-classes", []),
        "groups": state.get(f"{key}-groups", []),
        "email": state[f"{key}-email"].strip() or None,
    }


def _change(view: View, account: Account, sessions: int, *, is_own: bool) -> None:
    """Offer everything that can be changed about a person."""
    key = f"person-{account.id}-{account.role}"
    # On a phone this covers the name beside the button.
    st.markdown(f"**{literal(account.name)}**")
    advice = ["Forgot the password: New link."] if account.is_active else []
    if account.is_active and account.totp_secret:
        advice.append("Lost the phone: New link without code.")
    if sessions:
        advice.append("A computer was stolen: Sign out everywhere, then New link.")
    if account.is_active and not is_own:
        advice.append("Left the school: Disable; nothing is lost.")
    with st.container(horizontal=True, gap="small"):
        if account.is_active:
            press(view, "New link", account, "link", "A link to choose a new password.")
            if account.totp_secret:
                lost = "Switches the second factor off too, if the phone is lost."
                press(view, "New link without code", account, "link-without-code", lost)
        if sessions:
            press(view, f"Sign out everywhere ({sessions})", account, "end", "Ends the open sessions.")
        if account.oidc_subject:
            press(view, "Unlink", account, "unlink", "Forgets who it is at the school's sign-in.")
        if not is_own:
            word = "Disable" if account.is_active else "Enable"
            press(view, word, account, word.lower(), "A disabled person cannot sign in. Nothing is lost.")
    st.caption("  \n".join(advice))
    _ask(view, key, account)
    st.button("Save", key=f"{key}-save", type="primary", on_click=_save, args=(view, account, key))
    st.caption("With another role or other classes the person has to sign in again.")
    if not is_own:
        sure = st.checkbox(
            f"Delete {literal(account.name)} for good. The name stays taken.", key=f"{key}-delete-sure"
        )
        if sure:
            press(view, "Delete", account, "delete", None)


def press(view: View, label: str, account: Account, action: str, help: str | None) -> None:
    """Show the button of an action on an account."""
    st.button(
        label,
        key=f"person-{action}-{account.id}",
        help=help,
        on_click=_do,
        args=(view, account, action),
    )


def _show_link(view: View, account: Account) -> None:
    """Show the link of a new invitation until it is used or put away."""
    account_id, link = st.session_state.get(_LINK, (None, ""))
    if account_id == account.id:
        if not view.accounts.is_open_invitation(link.rpartition("/")[2]):
            del st.session_state[_LINK]
            return
        with st.container(key="invitation"):
            st.markdown(f"**Send this link to {literal(account.name)}**")
            st.caption(
                "It is shown only now. It works once, within 7 days: the person chooses a password with it. "
                "Whoever has the link can do that, so send it to nobody else."
            )
            if urlsplit(link).hostname in _OF_THIS_COMPUTER:
                st.caption(_HERE_ONLY)
            st.code(link, language=None, wrap_lines=True)
            with st.container(horizontal=True, gap="small"):
                st.button("Copy", key="copy-invitation", icon=":material/content_copy:", type="primary")
                st.button("Done", key="invitation-done", on_click=partial(st.session_state.pop, _LINK, None))


_OF_THIS_COMPUTER = {"127.0.0.1", "localhost", "::1"}
_HERE_ONLY = (
    "**It opens on this computer alone.** For others it needs the address under which people open Cohort "
    "Tracker. Whoever runs it sets it; then make a new link."
)


def _invite(view: View, account: Account) -> None:
    secret = view.accounts.invite(account.id)
    st.session_state[_LINK] = (account.id, f"{_address(view)}/invitation/{secret}")


def _address(view: View) -> str:
    """Return the address of this server, from the settings or else from this browser."""
    set_address = admin_of(view).all_settings().public_url
    if set_address:
        return set_address.rstrip("/")
    return (st.context.url or "http://127.0.0.1").partition("/dashboard")[0].rstrip("/")


# These run before the page does, so that one rerun shows the result.


def _make_first(view: View) -> None:
    state = st.session_state
    password = state["first-password"]
    with guarded("people", stop=False) as problems:
        if password != state["first-again"]:
            problems.append("The two passwords are not the same. Type them again.")
        else:
            view.accounts.create(state["first-name"].strip(), "admin", password=password)
    done = "Your account is made. Sign in with it now; then add the other people here, under Settings."
    notices.keep(_NOTICE, problems, done)


def _create(view: View, key: str) -> None:
    state = st.session_state
    state.pop(_LINK, None)
    with guarded("people", stop=False) as problems:
        wanted = _asked(view, key)
        if wanted["references"] == []:
            problems.append("Choose at least one class for this person, or all classes.")
        else:
            name = state[f"{key}-name"].strip()
            account = view.accounts.create(name, wanted.pop("role"), wanted.pop("references"), **wanted)
            state[_NEW] += 1
            _invite(view, account)
    notices.keep(_NOTICE, problems, None)


def _save(view: View, account: Account, key: str) -> None:
    with guarded("people", stop=False) as problems:
        wanted = _asked(view, key)
        if wanted["references"] == []:
            problems.append("Choose at least one class for this person, or all classes.")
        else:
            _leave_out_unchanged(account, wanted)
            view.accounts.change(account.id, **wanted)
    notices.keep(_NOTICE, problems, f"Saved for {account.name}.")


def _sign_all_out(view: View) -> None:
    with guarded("people", stop=False) as problems:
        ended = view.accounts.end_all_sessions(but=current_session())
    notices.keep(
        _NOTICE,
        problems,
        f"Everybody else is signed out ({count(ended, 'session')})." if not problems else None,
    )


def _leave_out_unchanged(account: Account, wanted: dict[str, Any]) -> None:
    """Take out what is as it was.

    Another role, or other classes, would end the sessions of the person.
    """
    references = wanted["references"]
    if (None if references is None else frozenset(references)) == account.class_ids:
        del wanted["references"]
    for name, value in (("role", account.role), ("groups", list(account.groups)), ("email", account.email)):
        if wanted[name] == value:
            del wanted[name]


def _do(view: View, account: Account, action: str) -> None:
    st.session_state.pop(_LINK, None)
    done = None
    with guarded("people", stop=False) as problems:
        match action:
            case "link":
                _invite(view, account)
            case "link-without-code":
                view.accounts.change(account.id, totp_secret=None)
                _invite(view, account)
            case "end":
                ended = view.accounts.end_sessions(account.id)
                done = f"{account.name} is signed out everywhere ({count(ended, 'session')})."
            case "disable":
                view.accounts.change(account.id, is_active=False)
                done = f"{account.name} cannot sign in any more."
            case "enable":
                view.accounts.change(account.id, is_active=True)
                done = f"{account.name} can sign in again."
            case "unlink":
                view.accounts.unlink(account.id)
                done = f"{account.name} needs a new link to come in by the school's sign-in again."
            case "delete":
                view.accounts.delete(account.id)
                done = f"{account.name} is deleted."
    notices.keep(_NOTICE, problems, done)
