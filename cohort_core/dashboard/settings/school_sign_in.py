"""Settings, People: the school's own sign-in."""

from __future__ import annotations

import streamlit as st

from cohort_core.dashboard.components import notices
from cohort_core.dashboard.components.text import literal
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View
from cohort_core.dashboard.page_words import FIXED

_NOTICE = "school-sign-in-notice"
_WHAT = (
    "People can come in with the account that they have at Google, Microsoft or another service of the "
    "school (OpenID Connect), beside a password or instead of it. Whoever has an open invitation and an "
    "email is let in by this email once; from then on their account belongs to this person there."
)
_NO_ADDRESS = (
    "This needs the address under which people open Cohort Tracker. Whoever runs it sets it; then come back "
    "here."
)


def show(view: View) -> None:
    """Show the settings of the school's own sign-in."""
    present = view.accounts.school_sign_in()
    title = "Sign in with the school's accounts"
    if present.label:
        title = f"Sign in with {literal(present.label)}: on"
    with st.expander(title, key="school-sign-in", icon=":material/key:"):
        notices.show(_NOTICE)
        st.write(_WHAT)
        if present.redirect_uri is None:
            st.info(_NO_ADDRESS)
            return
        st.caption("Register there this address for the way back:")
        st.code(present.redirect_uri, language=None, wrap_lines=True)
        if present.is_fixed:
            st.info(FIXED)
            return
        with st.form("school-sign-in-form", border=False):
            st.text_input(
                "Issuer",
                present.issuer or "",
                key="oidc-issuer",
                placeholder="https://accounts.google.com",
                help="The address by which the service calls itself, letter by letter. For Microsoft: "
                "https://login.microsoftonline.com/ID OF YOUR TENANT/v2.0",
            )
            st.text_input("Client id", present.client_id or "", key="oidc-client")
            st.text_input(
                "Client secret",
                key="oidc-secret",
                type="password",
                placeholder="unchanged" if present.issuer else "",
                help="It is kept where the password for OpenClass is, and never shown.",
            )
            st.text_input(
                "Name on the button, if you like",
                present.name or "",
                key="oidc-name",
                max_chars=80,
                placeholder="Google",
            )
            with st.container(horizontal=True, gap="small"):
                st.form_submit_button("Check and save", type="primary", on_click=_save, args=(view,))
                if present.issuer:
                    st.form_submit_button("Switch it off", on_click=_switch_off, args=(view,))


def _save(view: View) -> None:
    state = st.session_state
    with guarded("people", stop=False) as problems:
        view.accounts.connect_school_sign_in(
            state["oidc-issuer"], state["oidc-client"], state["oidc-secret"] or None, state["oidc-name"]
        )
        state["oidc-secret"] = ""
    notices.keep(_NOTICE, problems, "Saved. The button is on the sign-in page now.")


def _switch_off(view: View) -> None:
    with guarded("people", stop=False) as problems:
        view.accounts.disconnect_school_sign_in()
    notices.keep(
        _NOTICE, problems, "Nobody comes in this way any more. Who has no password needs a new link."
    )
