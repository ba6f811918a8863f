"""Lets people in: checks name, password and code, and slows down guessing."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cohort_core.clock import utc_now
from cohort_core.services.passwords import check_password, hash_password, is_password
from cohort_core.services.workspace import Workspace, shared_workspace
from cohort_core.store import accounts
from cohort_core.store.accounts import Account
from cohort_core.store.audit import save_event
from cohort_core.store.tokens import digest

PAIR_FAILURES, PAIR_SECONDS = 10, 60.0
"""So often a name may fail from one address, within so many seconds."""
NAME_FAILURES = 50
"""After so many failures of a name, each further failure doubles the wait.

They count from any address.
"""
MAX_WAIT_SECONDS, FORGET_SECONDS = 900.0, 24 * 3600.0
"""The longest wait, and how long failures of a name count after the last one.

An hour would allow fifty guesses an hour: in a year, half a million of a password or a code.
"""
MAX_KEPT = 10_000
_MAX_KEY = 320


@dataclass(frozen=True)
class Opened:
    """A new session: the secret of its cookie, and its longest life in seconds."""

    secret: str
    seconds: int


@dataclass(frozen=True)
class Refused:
    """A refused attempt.

    `wait` are the seconds until the next attempt is looked at, 0 if it may come now.
    """

    wait: int = 0


class Guesses:
    """Counts failed attempts by name and address. Safe to share between threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._guard = threading.Lock()
        self._pairs: dict[tuple[str, str], tuple[float, int]] = {}
        self._names: dict[str, tuple[float, int, float]] = {}
        """By name: the last failure, the number of failures, and the end of the wait."""

    def begin(self, name: str, address: str) -> int:
        """Count an attempt as failed, until `forget`.

        Return 0, or the seconds to wait if the attempt is refused.
        """
        now = self._now()
        with self._guard:
            since, count = self._pairs.get((name, address), (now, 0))
            if now - since >= PAIR_SECONDS:
                since, count = now, 0
            if count >= PAIR_FAILURES:
                return math.ceil(since + PAIR_SECONDS - now)
            last, failures, until = self._names.get(name, (now, 0, now))
            if now - last >= FORGET_SECONDS:
                failures, until = 0, now
            if now < until:
                return math.ceil(until - now)
            failures += 1
            doublings = min(failures - NAME_FAILURES, 30)
            wait = 0.0 if doublings < 0 else min(2.0**doublings, MAX_WAIT_SECONDS)
            # The latest stand last; the oldest are dropped when there are too many.
            self._pairs.pop((name, address), None)
            self._names.pop(name, None)
            self._pairs[name, address] = since, count + 1
            self._names[name] = now, failures, now + wait
            while len(self._pairs) > MAX_KEPT:
                del self._pairs[next(iter(self._pairs))]
            while len(self._names) > MAX_KEPT:
                del self._names[next(iter(self._names))]
        return 0

    def forget(self, name: str, address: str) -> None:
        """Forget the failures of a name, after its right password came from an address."""
        with self._guard:
            self._pairs.pop((name, address), None)
            self._names.pop(name, None)


class SignIn:
    """Opens and ends sessions, and sets the passwords of invited people."""

    def __init__(self, load_workspace: Callable[[], Workspace] = shared_workspace) -> None:
        self.workspace = load_workspace
        self.guesses = Guesses()
        # Invented names must not push those of accounts out of memory.
        self._guesses_of_strangers = Guesses()

    def is_wanted(self) -> bool:
        """Return True if there are accounts, so that the dashboard wants a session."""
        return accounts.has_accounts(self.workspace().database)

    def sign_in(
        self, name: str, password: str, code: str, *, address: str, label: str, old_secret: str | None = None
    ) -> Opened | Refused:
        """Open a session if name or email, password and code are right.

        The session of `old_secret` ends then. An unknown name takes the same time as a wrong password.
        """
        account = self._find(name)
        guesses = self.guesses if account else self._guesses_of_strangers
        key = f"{account.id}" if account else name.strip().casefold()[:_MAX_KEY]
        if wait := guesses.begin(key, address):
            return Refused(wait)
        is_right = is_password(password, account.password_hash if account else None)
        if account is None or not is_right or not self.is_code(account, code):
            return Refused()
        self.guesses.forget(key, address)
        return self.open_session(account, address=address, label=label, old_secret=old_secret) or Refused()

    def open_session(
        self, account: Account, *, address: str, label: str, old_secret: str | None, way: str = ""
    ) -> Opened | None:
        """Open a session of an account whose person proved who they are.

        Return None if it may not sign in, or if its password, second factor or link has changed since
        `account` was read. The session of `old_secret` ends then. ``way`` is how they signed in, for the
        audit.
        """
        workspace = self.workspace()
        database = workspace.database
        lifetime = timedelta(days=workspace.settings().session_days)
        secret = accounts.open_session(
            database, account.id, label=label, lifetime=lifetime, now=utc_now(), proven=account
        )
        if secret is None:
            return None
        if old_secret:
            accounts.end_session(database, digest(old_secret))
        save_event(database, f"account {account.name}", "signed in", f"{label} from {address}{way}")
        return Opened(secret, int(lifetime.total_seconds()))

    def sign_out(self, secret: str) -> None:
        """End the session of a cookie, if there is such a session."""
        database = self.workspace().database
        if database.exists:
            accounts.end_session(database, digest(secret))

    def invited(self, secret: str) -> Account | None:
        """Return the account of an invitation; None if it is used, over or unknown."""
        database = self.workspace().database
        return accounts.find_invited(database, secret, utc_now()) if database.exists else None

    def set_password(self, secret: str, password: str) -> Account | None:
        """Set the password of an invited account, and return it; None as for `invited`.

        Raises ``BadInput`` for a password that cannot be used.
        """
        account = self.invited(secret)
        if account is None:
            return None
        check_password(password, name=account.name, email=account.email)
        database = self.workspace().database
        return accounts.use_invitation(database, secret, hash_password(password), now=utc_now())

    def _find(self, name: str) -> Account | None:
        """Return the account of a name or email that may sign in."""
        wanted = name.strip().casefold()
        if not wanted:
            return None
        for account in accounts.load_accounts(self.workspace().database):
            if account.may_sign_in and wanted in {account.name.casefold(), (account.email or "").casefold()}:
                return account
        return None

    def is_code(self, account: Account, code: str) -> bool:
        """Return whether a code is right, or the account needs none; use it up."""
        if account.totp_secret is None:
            return True
        from cohort_core.services import second_factor

        return second_factor.is_code(self.workspace().database, account, code.replace(" ", "").strip())
