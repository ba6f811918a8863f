"""The check-up of a mentor's installation, with advice for each problem."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from cohort_core import sources
from cohort_core.clock import utc_now
from cohort_core.config import settings
from cohort_core.config.paths import PRIVATE_FILE, PRIVATE_FOLDER, Home
from cohort_core.errors import CohortError, NotConnected
from cohort_core.sources.base import RetryPolicy
from cohort_core.store import sync_runs
from cohort_core.store.database import Database
from cohort_core.store.maintenance import check
from cohort_core.sync.lock import is_locked

MIN_TOKEN_DAYS = 1.0


@dataclass(frozen=True)
class Finding:
    """The result of checking one topic. ``advice`` is None if all is well."""

    topic: str
    result: str
    advice: str | None = None

    @property
    def is_well(self) -> bool:
        """True if there is nothing to do."""
        return self.advice is None

    def as_dict(self) -> dict[str, str | None]:
        """Return the fields of the command's JSON."""
        return {"what": self.topic, "told": self.result, "advice": self.advice}


def examine(
    home: Home, *, with_upstream: bool = True, retry_policy: RetryPolicy | None = None
) -> Iterator[Finding]:
    """Yield the findings one after the other, the slow checks last.

    ``with_upstream`` also logs in at the source.
    """
    yield from _settings(home)
    yield from _modes(home)
    database = Database(home)
    if database.exists:
        yield from _database(database)
        yield from _syncs(database)
    else:
        yield Finding("database", "there is none yet", "Run `cohort-tracker init` and `cohort-tracker sync`.")
    if with_upstream:
        yield from _upstream(home, retry_policy)


def _settings(home: Home) -> Iterator[Finding]:
    try:
        loaded = settings.load_settings(home)
    except CohortError as error:
        yield Finding("settings", "cannot be used", error.message)
        return
    yield Finding("settings", f"in {home.folder}, time zone {loaded.default_timezone}")


def _modes(home: Home) -> Iterator[Finding]:
    """Find files that other users of this computer could read.

    Windows keeps the folders of users private by other means than modes.
    """
    if not home.folder.is_dir() or not hasattr(stat, "S_IRWXG"):
        return
    open_to_others = [
        path
        for path, mode in [(home.folder, PRIVATE_FOLDER), *((file, PRIVATE_FILE) for file in home.files())]
        if stat.S_IMODE(path.stat().st_mode) & ~mode
    ]
    for path in open_to_others:
        mode = "700" if path.is_dir() else "600"
        yield Finding("privacy", f"{path} is open to others", f"Run `chmod {mode} '{path}'`.")
    if not open_to_others:
        yield Finding("privacy", "only you can read the files")


def _database(database: Database) -> Iterator[Finding]:
    try:
        with database.reading() as connection:
            problems = check(connection)
    except CohortError as error:
        yield Finding("database", "cannot be used", error.message)
        return
    for problem in problems:
        yield Finding(
            "database",
            problem,
            "Restore the last backup with `cohort-tracker restore FILE`; without one, move the file away and "
            "sync again.",
        )
    if not problems:
        yield Finding("database", "sound")


def _syncs(database: Database) -> Iterator[Finding]:
    try:
        latest = sync_runs.load_jobs(database, limit=1)
    except CohortError:
        return
    if not latest:
        yield Finding("syncs", "none yet", "Run `cohort-tracker sync`.")
    elif latest[0].is_running and not is_locked(database.home):
        yield Finding(
            "syncs", "the last one broke off", "Run `cohort-tracker sync`; it reads everything again."
        )
    elif latest[0].error:
        yield Finding("syncs", f"the last one ended as {latest[0].state}", latest[0].error)
    else:
        yield Finding("syncs", f"the last one is {latest[0].state}")


def _upstream(home: Home, retry_policy: RetryPolicy | None) -> Iterator[Finding]:
    source_type = sources.source_class()
    label = source_type.info.label
    try:
        with source_type(sources.load_login(home), retry_policy=retry_policy) as source:
            token = source.log_in()
            count = len(source.list_classes())
    except NotConnected as error:
        yield Finding(label, "not connected", error.message)
        return
    except CohortError as error:
        yield Finding(label, "cannot be used", error.message)
        return
    yield Finding(label, f"lets us in at {source.address} and lists {count} classes")
    days = _days_left(token)
    if days is None:
        yield Finding("token", "does not say how long it is good")
    elif days < MIN_TOKEN_DAYS:
        yield Finding(
            "token",
            f"is good for {days * 24:.1f} hours",
            "Nothing to do: every sync logs in anew. If a long sync fails, try again.",
        )
    else:
        yield Finding("token", f"is good for {days:.0f} days")


def _days_left(token: str) -> float | None:
    """Return the days until a JSON web token expires; None if it does not say."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return (float(claims["exp"]) - utc_now().timestamp()) / 86_400
    except (ValueError, IndexError, KeyError, TypeError):
        return None
