"""The form of the first minute: school, email and password.

Each problem stands at its field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from cohort_core.dashboard.components.text import literal
from cohort_core.dashboard.errors import sentence_for
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.dashboard.settings import connection
from cohort_core.errors import (
    BadSettings,
    CohortError,
    LoginRefused,
    NoNetwork,
    UpstreamChanged,
    UpstreamDown,
)

if TYPE_CHECKING:
    from cohort_core.config.settings import Settings

OTHER = "Another school"
_EMPTY = "Please fill this in."
_NO_ADDRESS = "This is no web address. Copy it from the browser, such as https://class.example.org."


def show(view: View) -> None:
    """Ask for school, email and password, and connect."""
    settings, schools = admin_of(view).all_settings(), admin_of(view).schools()
    # The form must not be filled in with the practice school's settings.
    own = None if settings.practice else settings
    names = [*schools, OTHER]
    present = next((name for name, school in schools.items() if own and own.origin == school.origin), OTHER)
    st.header("Your school", anchor=False)
    chosen = st.selectbox(
        "School",
        names,
        index=names.index(present) if own and own.origin else 0,
        help="Schools in this list need email and password only.",
    )
    listed_school = schools.get(chosen)
    with st.form("school"):
        if listed_school is None:
            address, at_address = _field(
                "Address of OpenClass",
                own.api_base if own else type(settings).model_fields["api_base"].default,
                help="Keep this one unless your school told you another.",
            )
            app_id, at_app_id = _field(
                "Application id",
                (own and own.app_id) or "",
                help="Your school's id at OpenClass. Ask whoever set it up.",
            )
            origin, at_origin = _field(
                "Class site",
                (own and own.origin) or "",
                placeholder="https://class.example.org",
                help="The address at which you open your classes in the browser.",
            )
        else:
            address, app_id, origin = _address(settings), listed_school.app_id, listed_school.origin
            at_address = at_app_id = at_origin = None
        email, at_email = _field(
            "Email",
            (own and not view.reader.anonymous and own.email) or "",
            autocomplete="username",
        )
        password, at_password = _field(
            "Password",
            type="password",
            autocomplete="current-password",
            help="Kept in this computer's keyring, or in a file for your eyes only. Only OpenClass gets it.",
        )
        sent = st.form_submit_button("Connect", type="primary")
        at_end = st.empty()
    if not sent:
        return
    given = [(app_id, at_app_id), (origin, at_origin), (email, at_email), (password, at_password)]
    missing = [place for value, place in given if place is not None and not value.strip()]
    for place in missing:
        place.error(_EMPTY)
    if missing:
        return
    try:
        with st.spinner("Logging in and listing your classes…"):
            listed, kept = admin_of(view).connect(
                api_base=address.strip(),
                app_id=app_id.strip(),
                origin=origin.strip(),
                email=email.strip(),
                password=password,
            )
    except Exception as error:  # noqa: BLE001 - the page stays whole, whatever it is
        places = {"address": at_address, "app_id": at_app_id, "origin": at_origin, "password": at_password}
        name, sentence = _problem(error)
        place = places.get(name)
        (at_end if place is None else place).error(literal(sentence))
        return
    connection.offer(listed, f"The password is kept in {kept}.")


def _field(label: str, value: str = "", **options: Any) -> tuple[str, Any]:
    """Draw a field, and return its text and the place below it."""
    return st.text_input(label, value, **options), st.empty()


def _address(settings: Settings) -> str:
    """Return the address of OpenClass for a school of the list.

    It is the usual one, unless the server sets another.
    """
    default: str = type(settings).model_fields["api_base"].default
    return default if settings.practice else settings.api_base


def _problem(error: Exception) -> tuple[str, str]:
    """Return the wrong field and a sentence in a browser's words.

    The field is "" if none is wrong.
    """
    match error:
        case LoginRefused(details={"parameter": "app_id"}):
            return "app_id", (
                "OpenClass does not let this school's values in. Check the school, the application id "
                "and the class site."
            )
        case LoginRefused():
            return "password", (
                "OpenClass does not accept this email and password. Check both: they are those of your "
                "class site."
            )
        case NoNetwork():
            return "address", (
                "OpenClass cannot be reached from this computer. Check its network, and that the address "
                "is right."
            )
        case UpstreamDown():
            return "", "OpenClass has a problem of its own at this moment. Try again in some minutes."
        case UpstreamChanged(details={"is_web_page": True}):
            return "address", (
                "A web page came in place of OpenClass. Perhaps the network wants you to log in first, "
                "as in a hotel: open any web site in another tab. Otherwise check the address."
            )
        case UpstreamChanged():
            return "address", "OpenClass answered in a way that is not known here. Check the address."
        case BadSettings() if "origin" in error.message:
            return "origin", _NO_ADDRESS
        case BadSettings() if "api_base" in error.message:
            return "address", _NO_ADDRESS
        case CohortError():
            return "", sentence_for(error, "connect")
    return "", sentence_for(error, "connect")
