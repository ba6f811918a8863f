"""The principal of a dashboard session.

Without accounts it is the person at this computer, who may do everything. A server that is made for
somebody else, as in the tests of roles, says so with `serve_as`; Streamlit allows one dashboard a process.
"""

from __future__ import annotations

from cohort_core.services.principal import DASHBOARD_OWNER, Principal

_principal = DASHBOARD_OWNER


def serve_as(principal: Principal) -> None:
    """Serve the dashboard of this process to this principal."""
    global _principal
    _principal = principal


def current_principal() -> Principal:
    """Return the principal of the session that runs."""
    return _principal


def current_session() -> str | None:
    """Return the digest of the browser's session, None without accounts."""
    return None
