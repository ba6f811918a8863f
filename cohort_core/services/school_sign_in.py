"""The administrator's settings of the school's own sign-in (OpenID Connect)."""

from __future__ import annotations

from dataclasses import dataclass

from cohort_core.config.credentials import save_oidc_secret
from cohort_core.config.settings import (
    Settings,
    check_issuer,
    checked_line,
    save_settings,
    set_by_environment,
    settings_lock,
)
from cohort_core.errors import BadInput
from cohort_core.services.oidc_sign_in import (
    check_provider,
    is_configured,
    provider_name,
    redirect_address,
)
from cohort_core.services.workspace import Workspace
from cohort_core.store.audit import save_event

NO_PUBLIC_URL = (
    "The school's sign-in sends people back to a fixed address, so it needs the one under which they open "
    "this program. Set public_url first, such as https://tracker.example.org."
)
_FIELDS = ("oidc_issuer", "oidc_client_id", "oidc_name")


@dataclass(frozen=True)
class SchoolSignIn:
    """The settings as they are. ``redirect_uri`` has to be registered at the provider."""

    issuer: str | None
    client_id: str | None
    name: str | None
    label: str | None
    """The name as it stands on the button; None if nobody can use it."""
    redirect_uri: str | None
    is_fixed: bool
    """True if the environment sets it, so that nothing here can change it."""


def describe(settings: Settings) -> SchoolSignIn:
    """Return the settings of the school's sign-in, without its secret."""
    return SchoolSignIn(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_name,
        provider_name(settings) if is_configured(settings) else None,
        redirect_address(settings) if settings.public_url else None,
        bool(set_by_environment().intersection(_FIELDS)),
    )


def connect(
    workspace: Workspace, issuer: str, client_id: str, secret: str | None, name: str | None, *, asked_by: str
) -> None:
    """Ask the issuer who it is, then save how people sign in there.

    Without a new secret the present one stays, unless issuer or client change: it belongs to these. Without a
    name the present one stays, too; an empty one is that of the service. Raises ``BadInput`` for what cannot
    be used, and ``NotInstalled`` without the extra.
    """
    settings = workspace.settings()
    client_id = client_id.strip()
    try:
        issuer = check_issuer(issuer)
    except ValueError as error:
        raise BadInput(f"The issuer {error}.", parameter="issuer") from None
    if not client_id or len(client_id) > 500 or not client_id.isprintable():
        raise BadInput("The client id is missing. Copy it from the school's sign-in.", parameter="client_id")
    if settings.public_url is None:
        raise BadInput(NO_PUBLIC_URL, parameter="public_url")
    _refuse_fixed()
    try:
        name = settings.oidc_name if name is None else checked_line(name)
    except ValueError:
        raise BadInput(
            "The name for the button is one line of at most 80 letters. Shorten it.", parameter="name"
        ) from None
    check_provider(issuer)
    with settings_lock(workspace.home):
        is_another = (issuer, client_id) != (settings.oidc_issuer, settings.oidc_client_id)
        if secret or is_another:
            save_oidc_secret(workspace.home, secret or None)
        save_settings(workspace.home, oidc_issuer=issuer, oidc_client_id=client_id, oidc_name=name)
    save_event(workspace.database, asked_by, "school's sign-in", f"by {issuer}")


def disconnect(workspace: Workspace, *, asked_by: str) -> None:
    """Let nobody in by the school's sign-in any more.

    Links of accounts stay, for a later return.
    """
    _refuse_fixed()
    with settings_lock(workspace.home):
        save_settings(workspace.home, **dict.fromkeys(_FIELDS))
        save_oidc_secret(workspace.home, None)
    save_event(workspace.database, asked_by, "school's sign-in", "off")


def _refuse_fixed() -> None:
    if set_by_environment().intersection(_FIELDS):
        raise BadInput(
            "The environment sets the school's sign-in, so it is changed there alone.", parameter="issuer"
        )
