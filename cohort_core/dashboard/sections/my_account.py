"""The parts of My account: what I see, password, second factor, sessions."""

from __future__ import annotations

import segno
import streamlit as st

from cohort_core.clock import utc_now
from cohort_core.dashboard.components import notices
from cohort_core.dashboard.components.text import ago, markup, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.identity import current_session
from cohort_core.dashboard.layout import View
from cohort_core.dashboard.settings.people import ROLE_WORDS
from cohort_core.services.own_account import OwnAccount

_ADDRESS = "my-second-factor"
_PASSWORD, _EMAIL, _FACTOR, _SESSIONS = (
    f"my-{part}-notice" for part in ("password", "email", "factor", "sessions")
)
"""The notices, each shown beside the button that it answers."""


def show(view: View) -> None:
    """Show all parts."""
    own = view.own_account
    _show_rights(view, own)
    left, right = st.columns(2, gap="large")
    with left:
        _show_password(own)
        _show_email(own)
    with right:
        _show_second_factor(own)
    _show_sessions(own)


def _show_rights(view: View, own: OwnAccount) -> None:
    account = own.account
    word, meaning = ROLE_WORDS[account.role]
    names = "All classes"
    if account.class_ids is not None:
        names = ", ".join(sorted(status.name for status in view.classes)) or "None yet"
    facts = {"Name": account.name, "Role": f"{word}. {meaning}", "Classes": names}
    if account.groups:
        facts["Groups"] = f"{', '.join(account.groups)}. Pages begin with this group; it hides nothing."
    if account.oidc_subject:
        facts["Linked"] = "You also come in by the school's own sign-in."
    lines = "".join(f"<dt>{markup(term)}</dt><dd>{markup(text)}</dd>" for term, text in facts.items())
    st.html(f"<dl class='ct-facts'>{lines}</dl>")
    if account.role != "admin":
        st.caption("An administrator can change this.")


def _show_password(own: OwnAccount) -> None:
    st.subheader("Password", anchor=False)
    notices.show(_PASSWORD)
    if own.account.password_hash is None:
        st.write("You have none, as you come in by the school's own sign-in.")
        return
    with st.form("my-password", clear_on_submit=True, border=False):
        st.text_input("Current password", type="password", key="my-password-old")
        st.text_input(
            "New password",
            type="password",
            key="my-password-new",
            help="12 letters or more; a few words in a row are good.",
        )
        st.text_input("The new password again", type="password", key="my-password-again")
        st.form_submit_button("Change password", on_click=_change_password, args=(own,))
    st.caption("Then you sign in again with the new password, everywhere.")


def _show_email(own: OwnAccount) -> None:
    st.subheader("Email", anchor=False)
    notices.show(_EMAIL)
    with st.form("my-email", clear_on_submit=True, border=False):
        st.text_input("Email", own.account.email or "", key="my-email-new", max_chars=250)
        _ask_proof(own, "my-email-proof")
        st.form_submit_button("Change email", on_click=_change_email, args=(own,))
    st.caption("You can sign in with it instead of your name.")


def _show_second_factor(own: OwnAccount) -> None:
    st.subheader("Second factor", anchor=False)
    address = st.session_state.get(_ADDRESS)
    if not address or own.account.totp_secret:
        notices.show(_FACTOR)
    if own.account.totp_secret:
        st.write("On: signing in asks for a code of your authenticator app, after the password.")
        with st.form("my-factor-off", clear_on_submit=True, border=False):
            _ask_proof(own, "my-factor-off-proof")
            st.form_submit_button("Switch it off", on_click=_remove_factor, args=(own,))
        return
    if not address:
        st.write(
            "Off. With a second factor, signing in also asks for a code that an app on your phone shows. So "
            "a stolen password is not enough."
        )
        st.button("Set it up", on_click=_begin_factor, args=(own,))
        return
    st.write(
        "1. Scan this picture with an authenticator app on your phone, such as Google Authenticator or "
        "Microsoft Authenticator."
    )
    picture = segno.make(address).svg_data_uri(scale=4, border=3, light="#fff")
    st.html(f'<img src="{markup(picture)}" alt="QR code of your second factor" width="220" height="220">')
    with st.expander("Or type this key into the app"):
        st.code(_key_of(address), language=None, wrap_lines=True)
    st.write("2. Type the six digits that the app shows, and your password.")
    notices.show(_FACTOR)
    with st.form("my-factor-on", clear_on_submit=True, border=False):
        st.text_input("Code", key="my-factor-code", max_chars=10, width=160)
        _ask_proof(own, "my-factor-proof")
        with st.container(horizontal=True, gap="small"):
            st.form_submit_button("Switch it on", type="primary", on_click=_confirm_factor, args=(own,))
            st.form_submit_button("Cancel", on_click=_forget_factor)
    st.caption("Then you sign in again. If you lose the phone, an administrator can help you.")


def _ask_proof(own: OwnAccount, key: str) -> None:
    """Ask once more who it is; who has no password signs in again instead."""
    if own.has_proof:
        has_factor = own.account.totp_secret is not None
        label = "Your password, or a code" if has_factor else "Your password"
        st.text_input(label, type="password", key=key)


def _proof(key: str) -> str:
    return str(st.session_state.get(key, ""))


def _key_of(address: str) -> str:
    """Return the key in the address of an authenticator app, in groups of four letters."""
    key = address.partition("secret=")[2].partition("&")[0]
    return " ".join(key[start : start + 4] for start in range(0, len(key), 4))


def _show_sessions(own: OwnAccount) -> None:
    st.subheader("Where you are signed in", anchor=False)
    notices.show(_SESSIONS)
    sessions, current = own.sessions(), current_session()
    for session in sessions:
        opened = f"opened {ago(parse_instant(session.opened_at), utc_now())}"
        mark = " · this browser" if session.digest == current else ""
        st.text(f"{session.label or 'A browser'} · {opened}{mark}")
    if any(session.digest != current for session in sessions):
        with st.form("my-sessions", clear_on_submit=True, border=False):
            _ask_proof(own, "my-sessions-proof")
            st.form_submit_button("Sign out everywhere else", on_click=_end_others, args=(own,))
    else:
        st.caption("Nowhere else.")


# These run before the page does, so that one rerun shows the result.


def _change_password(own: OwnAccount) -> None:
    state = st.session_state
    with guarded("account", stop=False) as problems:
        if state["my-password-new"] != state["my-password-again"]:
            problems.append("The two new passwords are not the same. Type them again.")
        else:
            own.change_password(state["my-password-old"], state["my-password-new"])
    notices.keep(_PASSWORD, problems, "Your password is changed. Sign in again with the new one.")


def _change_email(own: OwnAccount) -> None:
    with guarded("account", stop=False) as problems:
        own.change_email(st.session_state["my-email-new"], _proof("my-email-proof"), current_session())
    notices.keep(_EMAIL, problems, "Your email is changed.")


def _begin_factor(own: OwnAccount) -> None:
    with guarded("account", stop=False) as problems:
        st.session_state[_ADDRESS] = own.begin_second_factor()
    notices.keep(_FACTOR, problems, None)


def _forget_factor() -> None:
    st.session_state.pop(_ADDRESS, None)


def _confirm_factor(own: OwnAccount) -> None:
    with guarded("account", stop=False) as problems:
        code = st.session_state["my-factor-code"].replace(" ", "")
        address = st.session_state.get(_ADDRESS, "")
        own.confirm_second_factor(address, code, _proof("my-factor-proof"), current_session())
        _forget_factor()
    notices.keep(_FACTOR, problems, "The second factor is on. Sign in again with a code.")


def _remove_factor(own: OwnAccount) -> None:
    with guarded("account", stop=False) as problems:
        own.remove_second_factor(_proof("my-factor-off-proof"), current_session())
    notices.keep(_FACTOR, problems, "The second factor is off. Sign in again.")


def _end_others(own: OwnAccount) -> None:
    with guarded("account", stop=False) as problems:
        own.end_other_sessions(current_session(), _proof("my-sessions-proof"))
    notices.keep(_SESSIONS, problems, "You are signed in here alone now.")
