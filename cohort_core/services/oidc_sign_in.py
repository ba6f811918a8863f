"""Lets people in by the school's own sign-in (OpenID Connect).

The sessions are those that a password opens. An account is linked to the pair of issuer and subject. The
email links it once, while its invitation can be used. What belongs to an attempt travels in an encrypted
cookie, so that nobody else finishes it.
"""

from __future__ import annotations

import hmac
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cohort_core.clock import utc_now
from cohort_core.config.credentials import load_oidc_secret
from cohort_core.config.settings import Settings
from cohort_core.errors import BadInput, NotInstalled
from cohort_core.services.sign_in import Opened, Refused, SignIn
from cohort_core.store.accounts import Account
from cohort_core.store.linked_accounts import find_linked, link_invited

if TYPE_CHECKING:
    from types import ModuleType

    from cohort_core.services.oidc import Client, Provider

CALLBACK_PATH = "/login/oidc/callback"
ATTEMPT_SECONDS = 600
"""An attempt to sign in may take so long, from first to last click."""
MAX_USED = 10_000

AGAIN = "This attempt to sign in is over, or began in another browser. Sign in again."
CANCELLED = "The school's sign-in let nobody in. Sign in again, or ask your administrator."
NO_ACCOUNT = (
    "No account here belongs to you at the school's sign-in. Ask your administrator to invite your email "
    "address."
)
NOT_VERIFIED = (
    "The school's sign-in does not say that your email address is verified, so it opens no account here. Ask "
    "your administrator."
)
WRONG_CODE = "The code is wrong. Type the one that your authenticator app shows now."
NOT_INSTALLED = (
    "The school's sign-in needs the extra oidc, which is not installed: `pip install 'cohort-tracker[oidc]'`."
)
_NAMES = {"accounts.google.com": "Google", "login.microsoftonline.com": "Microsoft"}
_TENANT = re.compile(r"/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/v2\.0/?", re.IGNORECASE)


@dataclass(frozen=True)
class Begun:
    """A new attempt: where the browser goes, and the value of its cookie."""

    address: str
    cookie: str


@dataclass(frozen=True)
class Denied:
    """An attempt that opened no session, with a sentence for the person."""

    sentence: str


@dataclass(frozen=True)
class OwnPageOpened:
    """A student without an account here, whose own page is open now."""

    secret: str
    seconds: int


@dataclass(frozen=True)
class NeedsCode:
    """A person who still has to give a code of their second factor.

    ``cookie`` remembers who it is.
    """

    cookie: str


def is_configured(settings: Settings) -> bool:
    """Return whether people can sign in by the school's own sign-in."""
    return bool(settings.oidc_issuer and settings.oidc_client_id and settings.public_url)


def provider_name(settings: Settings) -> str:
    """Return whose sign-in it is, as it stands on the button."""
    host = urlsplit(settings.oidc_issuer or "").hostname or ""
    return settings.oidc_name or _NAMES.get(host, "your school's account")


def redirect_address(settings: Settings) -> str:
    """Return the address to which the provider sends people back.

    It has to be registered there.
    """
    return f"{settings.public_url}{CALLBACK_PATH}"


def verified_email(claims: Mapping[str, Any], issuer: str) -> str | None:
    """Return the email of checked claims if the issuer vouches for it.

    That is `email_verified`, the boolean. Entra has no such claim, but `xms_edov`, which counts from an
    issuer that is a single tenant, for people of this tenant.
    """
    email = claims.get("email")
    if not isinstance(email, str) or not email.strip():
        return None
    if claims.get("email_verified") is True:
        return email.strip()
    tenant = _TENANT.fullmatch(urlsplit(issuer).path)
    # Entra sends it as a boolean or as a text.
    is_owned = claims.get("xms_edov") in (True, "1", "true")
    is_of_tenant = tenant is not None and str(claims.get("tid", "")).casefold() == tenant[1].casefold()
    return email.strip() if is_owned and is_of_tenant and "email_verified" not in claims else None


class OidcSignIn:
    """Begins and finishes attempts, for the server whose sign-in is handed in."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._guard = threading.Lock()
        self._used: dict[str, None] = {}
        """The states of attempts that were finished, the latest last."""
        self._cipher: Any = None
        self._provider: Provider | None = None

    def name(self) -> str | None:
        """Return whose sign-in it is, for the button; None if there is none."""
        settings = self._settings()
        return provider_name(settings) if is_configured(settings) else None

    def public_url(self) -> str | None:
        """Return the address under which people open this program."""
        return self._settings().public_url

    def begin(self, target: str) -> Begun | Denied:
        """Begin an attempt that leads to a page of the dashboard.

        Raises ``NotInstalled`` without the extra.
        """
        client = self._client()
        if client is None:
            return Denied(CANCELLED)
        oidc = _library()
        attempt = oidc.new_attempt()
        try:
            address = self._asked(oidc).address(client, attempt)
        except oidc.ProviderError as error:
            return Denied(str(error))
        return Begun(address, self._seal(issuer=client.issuer, target=target, attempt=asdict(attempt)))

    def finish(
        self,
        cookie: str | None,
        answer: Mapping[str, str],
        *,
        address: str,
        label: str,
        old_secret: str | None,
    ) -> tuple[Opened | OwnPageOpened | Refused | Denied | NeedsCode, str]:
        """Open a session for the person that the provider sent back.

        A student without an account gets a session of their own page. Also return the wanted page, which is
        empty unless a session is open. ``answer`` are the parameters with which the browser came back. Raises
        ``NotInstalled`` without the extra.
        """
        begun, client = self._open(cookie), self._client()
        attempt = begun.get("attempt")
        if client is None or not isinstance(attempt, dict) or begun["issuer"] != client.issuer:
            return Denied(AGAIN), ""
        if not hmac.compare_digest(
            attempt["state"].encode(), answer.get("state", "").encode("utf-8", "replace")
        ):
            return Denied(AGAIN), ""
        key = f"oidc {address}"
        if wait := self._sign_in.guesses.begin(key, address):
            return Refused(wait), ""
        if not self._use_up(attempt["state"]):
            return Denied(AGAIN), ""
        if answer.get("iss", client.issuer) != client.issuer or "error" in answer or not answer.get("code"):
            return Denied(CANCELLED), ""
        oidc = _library()
        try:
            claims = self._asked(oidc).claims(client, oidc.Attempt(**attempt), answer["code"])
        except oidc.ProviderError as error:
            return Denied(str(error)), ""
        account = self._account(client.issuer, claims)
        if isinstance(account, OwnPageOpened):
            self._sign_in.guesses.forget(key, address)
        if not isinstance(account, Account):
            return account, ""
        self._sign_in.guesses.forget(key, address)
        if account.totp_secret is not None:
            state = oidc.new_attempt().state
            who = {
                "issuer": client.issuer,
                "subject": claims["sub"],
                "target": begun["target"],
                "state": state,
            }
            return NeedsCode(self._seal(**who)), ""
        return self._enter(account, begun, client.issuer, address, label, old_secret)

    def finish_with_code(
        self, cookie: str | None, code: str, *, address: str, label: str, old_secret: str | None
    ) -> tuple[Opened | Refused | Denied | NeedsCode, str]:
        """Open a session for the person of `NeedsCode`, with a code of their second factor."""
        who, client = self._open(cookie), self._client()
        if cookie is None or client is None or not who.get("subject") or who["issuer"] != client.issuer:
            return Denied(AGAIN), ""
        account = find_linked(self._sign_in.workspace().database, who["issuer"], who["subject"])
        if account is None or not account.may_sign_in or who["state"] in self._used:
            return Denied(AGAIN), ""
        key = str(account.id)
        if wait := self._sign_in.guesses.begin(key, address):
            return Refused(wait), ""
        if not self._sign_in.is_code(account, code):
            return NeedsCode(cookie), ""
        if not self._use_up(who["state"]):
            return Denied(AGAIN), ""
        self._sign_in.guesses.forget(key, address)
        return self._enter(account, who, who["issuer"], address, label, old_secret)

    def _account(self, issuer: str, claims: Mapping[str, Any]) -> Account | OwnPageOpened | Denied:
        """Return the account of a person, which is linked now if their invitation allows it.

        Who has no account may be a student, and gets their own page.
        """
        database = self._sign_in.workspace().database
        account = find_linked(database, issuer, claims["sub"])
        if account is None:
            email = verified_email(claims, issuer)
            if email is None:
                return Denied(NOT_VERIFIED)
            account = link_invited(database, issuer, claims["sub"], email, utc_now())
            if account is None:
                return self._own_page(email)
        return account if account.may_sign_in else Denied(NO_ACCOUNT)

    def _own_page(self, email: str) -> OwnPageOpened | Denied:
        """Open the page of the only enrolled student with a verified address."""
        from cohort_core.services.student_pages import StudentPages

        students = StudentPages(self._sign_in.workspace)
        key = students.student_of_verified_address(email)
        if key is None:
            return Denied(NO_ACCOUNT)
        opened = students.open_for(key)
        return OwnPageOpened(opened.secret, opened.seconds)

    def _enter(
        self, account: Account, begun: dict[str, Any], issuer: str, address: str, label: str, old: str | None
    ) -> tuple[Opened | Denied, str]:
        opened = self._sign_in.open_session(
            account, address=address, label=label, old_secret=old, way=f", by {issuer}"
        )
        return (opened, begun["target"]) if opened else (Denied(NO_ACCOUNT), "")

    def _use_up(self, state: str) -> bool:
        """Remember that an attempt was finished; return False if it was before."""
        with self._guard:
            if state in self._used:
                return False
            self._used[state] = None
            while len(self._used) > MAX_USED:
                del self._used[next(iter(self._used))]
        return True

    def _settings(self) -> Settings:
        return self._sign_in.workspace().settings()

    def _client(self) -> Client | None:
        """Return how this program is known at the provider; None if no sign-in is configured."""
        settings = self._settings()
        if not is_configured(settings):
            return None
        secret = load_oidc_secret(self._sign_in.workspace().home, settings)
        client: Client = _library().Client(
            settings.oidc_issuer, settings.oidc_client_id, secret, redirect_address(settings)
        )
        return client

    def _asked(self, oidc: ModuleType) -> Provider:
        with self._guard:
            if self._provider is None:
                self._provider = oidc.Provider()
            return self._provider

    def _seal(self, **values: Any) -> str:
        """Return values encrypted for a cookie, which only this process can read."""
        return str(self._fernet().encrypt(json.dumps(values, allow_nan=False).encode()).decode())

    def _open(self, cookie: str | None) -> dict[str, Any]:
        """Return the values of a cookie; nothing for an old one or none of ours."""
        from cryptography.fernet import InvalidToken

        try:
            values = json.loads(self._fernet().decrypt((cookie or "").encode(), ttl=ATTEMPT_SECONDS))
        except (InvalidToken, ValueError):
            return {}
        return dict(values)

    def _fernet(self) -> Any:
        from cryptography.fernet import Fernet

        with self._guard:
            if self._cipher is None:
                self._cipher = Fernet(Fernet.generate_key())
            return self._cipher


def _library() -> ModuleType:
    """Import what talks to a provider. Raises ``NotInstalled`` without the extra."""
    try:
        from cohort_core.services import oidc
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"authlib", "joserfc"}:
            raise NotInstalled(NOT_INSTALLED) from None
        raise
    return oidc


def check_provider(issuer: str) -> None:
    """Ask an issuer who it is. Raises ``BadInput`` if it cannot be used, and ``NotInstalled``."""
    oidc = _library()
    try:
        oidc.Provider().describe(issuer)
    except oidc.ProviderError as error:
        raise BadInput(str(error), parameter="issuer") from None
