"""The principal of a dashboard session.

With accounts, the door of the dashboard (`http/door.py`) says in a header whose session it is, and Streamlit
hands that on as `st.user`. The header is that of the WebSocket's beginning, so every run asks for role and
classes anew. Without accounts it is the person at this computer, who may do everything. A server that is
made for somebody else, as in the tests of roles, says so with `serve_as`; Streamlit allows one dashboard a
process.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cohort_core.http.door import ACCOUNT_HEADER, SESSION_HEADER
from cohort_core.services.principal import DASHBOARD_OWNER, NOBODY, Principal
from cohort_core.services.services import shared_services

USER_KEY = "account"
"""The key of the account's id in `st.user`; `.streamlit/config.toml` names it too."""

_principal = DASHBOARD_OWNER


def serve_as(principal: Principal) -> None:
    """Serve the dashboard of this process to this principal."""
    global _principal
    _principal = principal


def current_principal() -> Principal:
    """Return the principal of the session whose page runs, with its rights of this moment."""
    account_id = st.user.get(USER_KEY) if get_script_run_ctx() is not None else None
    return _principal_of(account_id)


def principal_of_request(headers: Mapping[str, str]) -> Principal:
    """Return the principal of a request that came through the door."""
    return _principal_of(headers.get(ACCOUNT_HEADER))


def current_session() -> str | None:
    """Return the digest of the session whose page runs, None without accounts."""
    return st.context.headers.get(SESSION_HEADER)


def _principal_of(account_id: object) -> Principal:
    if _principal is not DASHBOARD_OWNER:
        return _principal
    services = shared_services()
    if account_id is not None:
        # An account that was disabled a moment ago; the door closes its pages now.
        return services.account_principal(int(str(account_id))) or NOBODY
    # A page that was open when the first account was made.
    return NOBODY if services.has_accounts() else _principal
