"""Tokens, accounts and sessions in memory, read again after every write to the database."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from cohort_core.clock import utc_now
from cohort_core.errors import CohortError
from cohort_core.services.principal import Principal
from cohort_core.store import accounts, classes, tokens
from cohort_core.store.accounts import Account, Session
from cohort_core.store.change_watcher import ChangeWatcher
from cohort_core.store.database import Database
from cohort_core.store.tokens import Token


class AccessCache:
    """Tokens, accounts, sessions and the ids of classes."""

    def __init__(self, database: Database, watcher: ChangeWatcher) -> None:
        self._database = database
        self._watcher = watcher
        self._version: Hashable = None
        self._has_existed = False
        self._tokens: dict[str, Token] = {}
        self._accounts: dict[int, Account] = {}
        self._sessions: dict[str, Session] = {}
        self._references: Mapping[str, frozenset[str]] = {}

    async def refresh(self) -> Hashable:
        """Read everything again if the store may have changed.

        Return the version that the store had before reading, or None if that is unknown.
        """
        version = self._watcher.poll()
        if version is None or version != self._version:
            # Poll before reading: a write in between then leads to another read next time.
            await asyncio.to_thread(self._load)
            self._version = version
        return version

    def _load(self) -> None:
        if not self._database.exists:
            if self._has_existed:
                # Without this error every valid token would count as an attempt to guess one.
                raise self._database.unusable("it is gone")
            return
        self._has_existed = True
        held = tokens.load_tokens(self._database)
        people = accounts.load_accounts(self._database, deleted=True)
        sessions = accounts.load_sessions(self._database) if people else []
        references = classes.load_index(self._database).references
        self._tokens = {token.digest: token for token in held}
        self._accounts = {account.id: account for account in people}
        self._sessions = {session.digest: session for session in sessions}
        self._references = references

    async def is_closed(self) -> bool:
        """Return True if the tokens or accounts that protected this home are lost.

        Then nobody may be let in.
        """
        guards = self._database.home.guards()
        if not guards:
            return False
        with suppress(CohortError):
            await self.refresh()
            if self._accounts:
                return False
            return "accounts" in guards or not self._tokens
        # Without the tokens no request is let in to the API, and no page has any data.
        return False

    @property
    def has_accounts(self) -> bool:
        """True if there is an account, of any state: then the dashboard wants a session."""
        return bool(self._accounts)

    @property
    def is_locked(self) -> bool:
        """True if there is an account, or a token that was not revoked.

        An expired token counts too.
        """
        return self.has_accounts or any(token.revoked_at is None for token in self._tokens.values())

    def find(self, digest: str) -> Token | None:
        # The time of a lookup tells nothing about a secret, since it depends on the digest only.
        return self._tokens.get(digest)

    def find_session(self, digest: str, now: datetime, idle: timedelta) -> tuple[Session, Account] | None:
        """Return a live session with its account, by the digest of its secret."""
        session = self._sessions.get(digest)
        if session is None or not session.is_live(now, idle):
            return None
        account = self._accounts.get(session.account_id)
        return (session, account) if account is not None and account.may_sign_in else None

    def is_valid(self, principal: Principal) -> bool:
        """Return whether the principal's token is still valid. Without a token it always is."""
        if principal.token is None:
            return True
        token = self.find(principal.token)
        return token is not None and token.is_live(utc_now())

    def may_see(self, principal: Principal, reference: str) -> bool:
        return principal.class_ids is None or self.class_id(principal, reference) is not None

    def class_id(self, principal: Principal, reference: str) -> str | None:
        """Return the id of the class that a reference means to the principal.

        None if the principal may see no such class.
        """
        ids = self._references.get(reference, frozenset())
        return min(ids if principal.class_ids is None else ids & principal.class_ids, default=None)
