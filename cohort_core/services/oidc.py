"""Asks the school's identity provider who somebody is, by OpenID Connect with Authlib.

Nothing but the configured issuer is believed. It names its own endpoints; these must use https too, or be on
this computer as the issuer is. No redirect is followed. Nothing that a provider says is shown or logged.

Only a program in which such a sign-in is configured imports this module, since Authlib is an extra.
"""

from __future__ import annotations

import io
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from cohort_core.config.settings import LOOPBACK_HOSTS

SCOPE = "openid email"
CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 5.0, 5.0, 10.0
MAX_BYTES = 1024 * 1024
KEEP_SECONDS, ASK_KEYS_AGAIN_SECONDS, WAIT_AFTER_FAILURE_SECONDS = 3600.0, 30.0, 5.0
LEEWAY_SECONDS = 60
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})
"""Signatures with a key pair alone: with "none" and the HS algorithms others could sign."""
_KEY_TYPES = frozenset({"RSA", "EC", "OKP"})
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

UNREACHABLE = "The school's sign-in does not answer. Try again in a moment."
UNREADABLE = "The school's sign-in does not answer as it should. Ask your administrator."
NOT_ACCEPTED = "The school's sign-in did not confirm who you are. Sign in again."


class ProviderError(Exception):
    """The provider cannot be asked, or did not confirm a person.

    The message is a sentence for people.
    """


@dataclass(frozen=True)
class Client:
    """How this program is known at the provider."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True)
class Attempt:
    """The random values of an attempt to sign in, which the answer must fit."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


def new_attempt() -> Attempt:
    """Return random values for an attempt."""
    return Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))


@dataclass
class _Described:
    """The description that an issuer gives of itself, and its keys."""

    document: dict[str, Any]
    read_at: float
    keys: list[dict[str, Any]] = field(default_factory=list)
    keys_read_at: float = float("-inf")


class Provider:
    """Talks to one issuer at a time. Safe to share between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._described: dict[str, _Described] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        """By issuer, when it could not be asked, and the sentence."""

    def describe(self, issuer: str) -> dict[str, Any]:
        """Return what an issuer says of itself, at most an hour old. Raises ``ProviderError``."""
        return self._describe(issuer).document

    def address(self, client: Client, attempt: Attempt) -> str:
        """Return the address at which a person signs in. Raises ``ProviderError``."""
        document = self.describe(client.issuer)
        with _session(client.issuer, client) as session:
            address, _ = session.create_authorization_url(
                document["authorization_endpoint"],
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(address)

    def claims(self, client: Client, attempt: Attempt, code: str) -> dict[str, Any]:
        """Exchange a code for the checked claims of a person's ID token.

        Raises ``ProviderError`` if it cannot be had, or is not for this program and this attempt.
        """
        described = self._describe(client.issuer)
        methods = described.document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        with _session(client.issuer, client, method if client.client_secret else "none") as session:
            try:
                token = session.fetch_token(
                    described.document["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=attempt.verifier,
                )
            except AuthlibBaseError:
                raise ProviderError(NOT_ACCEPTED) from None
            except requests.RequestException:
                raise ProviderError(UNREACHABLE) from None
            except (ValueError, TypeError, AttributeError):
                raise ProviderError(UNREADABLE) from None
        try:
            return self._checked(client, attempt, described, token["id_token"], token.get("access_token"))
        except (JoseError, KeyError, ValueError, TypeError, AttributeError):
            # Whatever is wrong with the token, it proves nothing. Which part it was helps an attacker alone.
            raise ProviderError(NOT_ACCEPTED) from None

    def _checked(
        self, client: Client, attempt: Attempt, described: _Described, id_token: str, access_token: Any
    ) -> dict[str, Any]:
        """Check signature and claims of an ID token."""
        said = described.document.get("id_token_signing_alg_values_supported")
        algorithms = sorted(ALGORITHMS.intersection(said or ["RS256"]))
        if not algorithms:
            # An empty list would mean those that the library recommends.
            raise ValueError
        registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
        try:
            token = jwt.decode(id_token, self._keys(client.issuer, described), registry=registry)
        except InvalidKeyIdError:
            # The provider has changed its keys since.
            fresh = self._keys(client.issuer, described, older_than=ASK_KEYS_AGAIN_SECONDS)
            token = jwt.decode(id_token, fresh, registry=registry)
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": client.issuer},
                "aud": {"essential": True, "value": client.client_id},
                "sub": {"essential": True},
                "exp": {"essential": True},
            },
            {"nonce": attempt.nonce, "client_id": client.client_id, "access_token": access_token},
        )
        claims.validate(leeway=LEEWAY_SECONDS)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise ValueError
        return dict(claims)

    def _describe(self, issuer: str) -> _Described:
        with self._guard:
            kept = self._described.get(issuer)
            if kept is not None and time.monotonic() - kept.read_at <= KEEP_SECONDS:
                return kept
            failed_at, sentence = self._failed.get(issuer, (float("-inf"), ""))
            if time.monotonic() - failed_at < WAIT_AFTER_FAILURE_SECONDS:
                raise ProviderError(sentence)
            try:
                kept = _Described(_discover(issuer), time.monotonic())
            except ProviderError as error:
                self._failed = {issuer: (time.monotonic(), str(error))}
                raise
            # An issuer of before is not asked again.
            self._described = {issuer: kept}
        return kept

    def _keys(self, issuer: str, described: _Described, *, older_than: float = KEEP_SECONDS) -> KeySet:
        """Return the keys of an issuer, read again if they are older."""
        with self._guard:
            if time.monotonic() - described.keys_read_at > older_than:
                answer = _load(issuer, described.document["jwks_uri"])
                listed = answer.get("keys")
                described.keys = [
                    key
                    for key in (listed if isinstance(listed, list) else [])
                    if isinstance(key, dict) and key.get("kty") in _KEY_TYPES and key.get("use") != "enc"
                ]
                described.keys_read_at = time.monotonic()
        return KeySet.import_key_set({"keys": described.keys})


def _discover(issuer: str) -> dict[str, Any]:
    """Load what an issuer says of itself, and check that it is this issuer."""
    document = _load(issuer, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if document.get("issuer") != issuer:
        raise ProviderError(
            "The school's sign-in calls itself otherwise than it is configured here. Ask your administrator "
            "to take over its issuer letter by letter, with or without a slash at its end."
        )
    methods = document.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise ProviderError("The school's sign-in does not offer PKCE with S256. Use a later version of it.")
    for name in _ENDPOINTS:
        address = document.get(name)
        if not isinstance(address, str) or not _is_allowed(issuer, address):
            raise ProviderError(UNREADABLE)
    return document


def _load(issuer: str, address: str) -> dict[str, Any]:
    """Load a JSON object. Raises ``ProviderError``."""
    with _session(issuer) as session:
        try:
            response = session.request("GET", address, withhold_token=True)
            content = json.loads(response.content)
        except requests.RequestException:
            raise ProviderError(UNREACHABLE) from None
        except ValueError:
            raise ProviderError(UNREADABLE) from None
    if response.status_code != 200 or not isinstance(content, dict):
        raise ProviderError(UNREADABLE)
    return content


def _is_allowed(issuer: str, address: str) -> bool:
    """Return whether an address uses https, or is on this computer as the issuer is."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or parts.fragment:
        return False
    is_here = host in LOOPBACK_HOSTS and urlsplit(issuer).hostname in LOOPBACK_HOSTS
    return parts.scheme == "https" or (parts.scheme == "http" and is_here)


def _session(issuer: str, client: Client | None = None, auth_method: str = "none") -> Any:
    """Return a session of Authlib that asks allowed addresses alone, and follows no redirect."""
    session = OAuth2Session(
        client.client_id if client else None,
        client.client_secret if client else None,
        token_endpoint_auth_method=auth_method,
        scope=SCOPE,
        redirect_uri=client.redirect_uri if client else None,
        code_challenge_method="S256",
    )
    session.max_redirects = 0
    session.headers.update({"Accept": "application/json", "User-Agent": "cohort-tracker"})
    # Without an auth function, requests would send the login that a .netrc holds for the host.
    session.auth = _no_auth
    session.trust_env = urlsplit(issuer).hostname not in LOOPBACK_HOSTS
    for scheme in ("https://", "http://"):
        session.mount(scheme, _BoundedAdapter(issuer))
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _BoundedAdapter(HTTPAdapter):
    """Sends requests to allowed addresses, with limits of time and size."""

    def __init__(self, issuer: str) -> None:
        super().__init__()
        self._issuer = issuer

    def send(self, request: requests.PreparedRequest, *_: Any, **more: Any) -> requests.Response:
        """Return the complete response. Raises ``requests.RequestException``."""
        if not _is_allowed(self._issuer, str(request.url)):
            raise requests.exceptions.InvalidURL
        more |= {"stream": True, "timeout": (CONNECT_SECONDS, READ_SECONDS)}
        until = time.monotonic() + WHOLE_SECONDS
        response = super().send(request, **more)
        body = b""
        try:
            if response.is_redirect or 300 <= response.status_code < 400:
                raise requests.exceptions.TooManyRedirects
            # read1 returns what has arrived; iter_content waits until a chunk is full.
            while chunk := response.raw.read1(64 * 1024, decode_content=True):
                body += chunk
                if len(body) > MAX_BYTES or time.monotonic() > until:
                    raise requests.exceptions.ContentDecodingError
        except (OSError, HTTPError) as error:
            if isinstance(error, requests.RequestException):
                raise
            raise requests.exceptions.ConnectionError from None
        finally:
            response.close()
        response.raw = io.BytesIO(body)
        return response
