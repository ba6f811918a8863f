"""The HTTP client of OpenClass: limited in pace, with retries for failures that may pass.

Time-outs, broken connections, 408, 425, 429, 5xx, and bodies that are cut short or are not JSON are tried
again with full jitter, within a budget of waiting for the whole client. A login is never tried again, since
repeating a wrong password can lock the account. Redirects are not followed, since the token would travel to
another host.
"""

from __future__ import annotations

import email.utils
import time
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import requests
import tenacity
from urllib3.exceptions import HTTPError as BodyError

from cohort_core.clock import utc_now
from cohort_core.config.settings import LOOPBACK_HOSTS, Settings
from cohort_core.errors import (
    ClassInaccessible,
    CohortError,
    LoginRefused,
    NoNetwork,
    SyncCancelled,
    UpstreamChanged,
    UpstreamDown,
    UpstreamError,
)
from cohort_core.sources.base import KnownSchool, Login, Page, RetryPolicy, Source, SourceInfo
from cohort_core.sources.openclass import parser
from cohort_core.store.classes import ListedClass, Unit

PAGE_SIZE = 200
RETRIED_STATUSES = frozenset({408, 425, 429})
MAX_BODY_BYTES = 64 * 1024 * 1024

Result = TypeVar("Result")


class _TransientFailure(Exception):
    """A failure that may pass. ``final`` is the error to raise if it does not."""

    def __init__(self, final: CohortError, retry_after: float | None = None) -> None:
        super().__init__(final.message)
        self.final = final
        self.retry_after = retry_after


class _TokenRefused(Exception):
    """OpenClass answered 401 to a request that carried a token."""


class OpenClassClient(Source):
    """A session with OpenClass: one login, one pace of requests, one budget for retries."""

    info = SourceInfo(
        label="OpenClass", required_settings=("app_id", "origin", "email"), is_newest_first=True
    )
    read_person = staticmethod(parser.read_person)
    read_subject = staticmethod(parser.read_subject)

    def __init__(
        self,
        login: Login,
        *,
        token: str | None = None,
        retry_policy: RetryPolicy | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(login, token=token, retry_policy=retry_policy, is_cancelled=is_cancelled)
        self._settings = login.settings
        self.address = login.settings.api_base
        self._seconds_between_requests = 1 / self._settings.sync_rate if self._settings.sync_rate else 0.0
        self._next_request_at = 0.0
        self._budget_seconds = self._retry_policy.budget_seconds
        self._failed_login: CohortError | None = None
        self._session = requests.Session()
        self._session.headers.update(
            {
                "Origin": str(self._settings.origin),
                "X-OpenClass-App-Id": str(self._settings.app_id),
                "Accept": "*/*",
                "User-Agent": "cohort-tracker",
            }
        )
        # Without an auth function, requests would send the login that a .netrc holds for the host.
        self._session.auth = lambda request: request
        if urlsplit(self._settings.api_base).hostname in LOOPBACK_HOSTS:
            self._session.trust_env = False

    @staticmethod
    def schools() -> Mapping[str, KnownSchool]:
        """Return the schools of schools.toml."""
        text = Path(__file__).with_name("schools.toml").read_text("utf-8")
        return {name: KnownSchool(**values) for name, values in tomllib.loads(text).items()}

    def close(self) -> None:
        """Close the network connections."""
        self._session.close()

    def log_in(self) -> str:
        """Log in and return the token.

        Raises ``LoginRefused``, ``NoNetwork``, ``UpstreamDown`` or ``UpstreamChanged``. After a failure the
        login is never sent again: each later call, such as for the next class of a sync, raises the same
        error.
        """
        if self._failed_login:
            raise self._failed_login
        try:
            self.token = self._log_in_once()
        except UpstreamError as error:
            self._failed_login = error
            raise
        return self.token

    def _log_in_once(self) -> str:
        form = {
            "email": str(self._settings.email),
            "password": self._login.password,
            "invite_code": "",
            "instructor_invite_code": "",
            "mentor_invite_code": "",
        }
        try:
            status, body = self._send("POST", "/v1/auth/login", form=form)
            if status == 401:
                raise LoginRefused(
                    "OpenClass does not accept this email and password. Check both, then run "
                    "`cohort-tracker init` again."
                )
            if status in {400, 403, 422} and not _is_web_page(body):
                raise LoginRefused(
                    f"OpenClass refused the login (HTTP {status}). Check the application id and the class "
                    "site (origin), then run `cohort-tracker init` again.",
                    parameter="app_id",
                )
            token = parser.read_token(self._json(status, body))
            if not (token.isascii() and token.isprintable()):
                raise _changed("a token that cannot be sent back")
            return token
        except _TransientFailure as failure:
            raise failure.final from None

    def list_classes(self) -> list[ListedClass]:
        """Load the classes that the account may see."""
        return self._get("/v1/classes", None, parser.read_classes)

    def load_units(self, class_id: str) -> list[Unit]:
        """Load the units of a class.

        Raises ``ClassInaccessible`` if it does not exist or is not ours.
        """
        return self._get(f"/v1/classes/{quote(class_id, safe='')}", None, parser.read_units)

    def load_page(self, class_id: str, number: int) -> Page:
        """Load a page of progressions, newest completion first; pages count from 0.

        Raises ``ClassInaccessible`` if the class does not exist or is not ours.
        """

        def read(body: Any) -> Page:
            page = parser.read_page(body)
            if page.number != number:
                raise _TransientFailure(_changed("another page than the one asked for"))
            return page

        return self._get(
            f"/v1/classes/{quote(class_id, safe='')}/progressions",
            {"return_count": PAGE_SIZE, "page": number, "sort_by_completed_at": -1},
            read,
        )

    def _get(self, path: str, query: dict[str, int] | None, read: Callable[[Any], Result]) -> Result:
        """Request a path, with retries, and with a new login if the token has expired."""
        if self.token is None:
            self.log_in()
        try:
            return self._with_retries(lambda: self._get_once(path, query, read))
        except _TokenRefused:
            self.log_in()
        try:
            return self._with_retries(lambda: self._get_once(path, query, read))
        except _TokenRefused:
            raise LoginRefused(
                "OpenClass accepts the login but then refuses its own token. Try again later; if it stays "
                "so, check that your account may see the class."
            ) from None

    def _with_retries(self, attempt: Callable[[], Result]) -> Result:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TransientFailure),
            stop=self._has_tried_enough,
            wait=self._seconds_to_wait,
            sleep=self._spend,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _TransientFailure as failure:
            raise failure.final from None

    def _has_tried_enough(self, state: tenacity.RetryCallState) -> bool:
        return state.attempt_number >= self._retry_policy.attempts or self._budget_seconds <= 0

    def _seconds_to_wait(self, state: tenacity.RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        jitter = tenacity.wait_random_exponential(
            multiplier=self._retry_policy.first_wait_seconds, max=self._retry_policy.longest_wait_seconds
        )(state)
        retry_after = failure.retry_after if isinstance(failure, _TransientFailure) else None
        if retry_after is None:
            return jitter
        return min(retry_after, self._retry_policy.longest_retry_after_seconds)

    def _spend(self, seconds: float) -> None:
        self._budget_seconds -= seconds
        self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        """Wait. Raises ``SyncCancelled`` as soon as the sync is to stop."""
        until = time.monotonic() + seconds
        while True:
            if self._is_cancelled():
                raise SyncCancelled
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.25))

    def _get_once(self, path: str, query: dict[str, int] | None, read: Callable[[Any], Result]) -> Result:
        status, body = self._send("GET", path, query=query)
        if status == 401:
            raise _TokenRefused
        if status in {403, 404} and not _is_web_page(body):
            raise ClassInaccessible(
                f"OpenClass says that this is not there or not yours to see (HTTP {status}). Check that your "
                "account still belongs to the class, or deactivate it; what was synced stays."
            )
        return read(self._json(status, body))

    def _json(self, status: int, body: bytes) -> Any:
        if status != 200:
            raise _web_page() if _is_web_page(body) else _changed(f"HTTP {status}")
        try:
            return parser.read_json(body)
        except ValueError:
            raise _TransientFailure(
                _web_page() if _is_web_page(body) else _changed("something that is not JSON")
            ) from None

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, int] | None = None,
        form: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Send one request at the agreed pace; return the status and the body.

        Raises ``_TransientFailure`` for a failure that may pass.
        """
        self._sleep(self._next_request_at - time.monotonic())
        self._next_request_at = time.monotonic() + self._seconds_between_requests
        headers = {"bearer": self.token} if form is None and self.token else None
        try:
            with self._session.request(
                method,
                self._settings.api_base + path,
                params=query,
                data=form,
                headers=headers,
                timeout=(self._retry_policy.connect_seconds, self._retry_policy.read_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                self._refuse_status(response)
                return response.status_code, self._body(response)
        except requests.exceptions.SSLError as error:
            if "WRONG_VERSION_NUMBER" in str(error) or "record layer" in str(error):
                raise NoNetwork(
                    "What answers at the API address does not speak https. Check the address and its port."
                ) from None
            raise NoNetwork(
                "OpenClass's certificate cannot be verified from this computer. Check the API address, this "
                "computer's clock and, in a company network, its proxy."
            ) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, UnicodeError):
            raise NoNetwork(
                "The API address or another setting cannot be sent. Run `cohort-tracker init` again."
            ) from None
        except (requests.ConnectionError, requests.Timeout, BodyError) as error:
            raise _TransientFailure(_unreachable(self._settings.api_base, error)) from None
        except requests.RequestException:
            raise _TransientFailure(_changed("something that cannot be decoded")) from None

    def _refuse_status(self, response: requests.Response) -> None:
        status = response.status_code
        if status in RETRIED_STATUSES or status >= 500:
            raise _TransientFailure(
                UpstreamDown(
                    f"OpenClass answers, but with an error (HTTP {status}). It is their side: try again in "
                    "some minutes. What was synced before is kept."
                ),
                _retry_after_seconds(response.headers.get("Retry-After")),
            )
        if 300 <= status < 400:
            raise UpstreamChanged(
                "OpenClass sends us to another address, and your password does not follow. Check the API "
                "address with `cohort-tracker init`."
            )

    def _body(self, response: requests.Response) -> bytes:
        """Read the whole body, within a limit of time and of size."""
        until = time.monotonic() + self._retry_policy.request_seconds
        chunks = []
        size = 0
        # read1 returns the bytes that have arrived. iter_content waits until a chunk is full, which takes
        # hours if one byte a second arrives.
        while chunk := response.raw.read1(64 * 1024, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise _changed("far more than a page")
            if time.monotonic() > until:
                raise requests.Timeout
        return b"".join(chunks)


def _retry_after_seconds(header: str | None) -> float | None:
    """Parse ``Retry-After`` in either of its forms; None if that is impossible."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        at = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - utc_now()).total_seconds())


def _unreachable(api_base: str, error: Exception) -> CohortError:
    is_connected = isinstance(error, requests.Timeout | BodyError)
    if is_connected and not isinstance(error, requests.ConnectTimeout):
        return UpstreamDown(
            "OpenClass does not finish its answers. Try again in some minutes; what was synced before is "
            "kept."
        )
    # Nobody has typed the usual address.
    is_usual = api_base == Settings.model_fields["api_base"].default
    what = "network" if is_usual else "network and the API address"
    return NoNetwork(
        f"OpenClass cannot be reached at {api_base}. Check this computer's {what}, and try again."
    )


def _is_web_page(body: bytes) -> bool:
    start = body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html")) or (start.startswith(b"<") and b"<html" in start)


def _web_page() -> UpstreamChanged:
    return UpstreamChanged(
        "A web page came in place of OpenClass's data. Perhaps the network wants you to log in first, as "
        "in a hotel or a school: open any web site in the browser. Otherwise check the API address. "
        "Nothing was lost.",
        is_web_page=True,
    )


def _changed(what: str) -> UpstreamChanged:
    return UpstreamChanged(
        f"OpenClass answered with {what}, which this version does not know. Nothing was lost; check the API "
        "address, and look for a newer version of Cohort Tracker."
    )
