"""The check-up of a mentor's installation, with advice for each problem."""

from __future__ import annotations

import base64
import json
import shlex
import stat
from collections.abc import Iterator

from cohort_core import sources
from cohort_core.clock import utc_now
from cohort_core.config import credentials, settings
from cohort_core.config.paths import PRIVATE_FILE, PRIVATE_FOLDER, Home
from cohort_core.errors import CohortError, NotConnected, refused_by_system
from cohort_core.formatting import one_decimal, some_days
from cohort_core.services import folder
from cohort_core.services.folder import Finding
from cohort_core.sources.base import RetryPolicy
from cohort_core.store.backups import describe_loss, restore_advice
from cohort_core.store.database import Database
from cohort_core.store.guard import is_closed
from cohort_core.store.maintenance import check
from cohort_core.store.schema_check import foreign_parts
from cohort_core.sync import lock

MIN_TOKEN_DAYS = 1.0


def examine(
    home: Home, *, with_upstream: bool = True, retry_policy: RetryPolicy | None = None
) -> Iterator[Finding]:
    """Yield the findings one after the other, the slow checks last.

    ``with_upstream`` also logs in at the source.
    """
    yield from _settings(home)
    yield from _report_refusals("folder", folder.examine(home))
    yield from _report_refusals("privacy", _modes(home))
    database = Database(home)
    if database.exists:
        yield from _report_refusals("database", _database(database))
        yield from _report_refusals("syncs", _syncs(database))
    else:
        yield _no_database(home)
    if with_upstream:
        yield from _report_refusals(sources.source_class().info.label, _upstream(home, retry_policy))


def _report_refusals(topic: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Pass findings on, and turn what the operating system refuses into one."""
    try:
        yield from findings
    except OSError as error:
        yield Finding(topic, "cannot be looked at", refused_by_system(error).message)


def _settings(home: Home) -> Iterator[Finding]:
    try:
        loaded = settings.load_settings(home)
        password_place = credentials.password_place(home)
    except CohortError as error:
        yield Finding("settings", "cannot be used", error.message)
        return
    yield Finding("settings", f"in {home.folder}, time zone {loaded.default_timezone}")
    for name in settings.unknown_settings(home):
        yield Finding(
            "settings", f"{name} is not known and has no effect", f"Correct or delete it in {home.config}."
        )
    if loaded.email and password_place is None:
        yield Finding("password", "is not kept anywhere", "Run `cohort-tracker init` again.")
    try:
        utc_now().astimezone()
    except (ValueError, OverflowError, OSError):
        yield Finding("time zone", "TZ of the environment is none", "Correct TZ, or take it away.")


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
    unreadable = [path for path in home.files() if path.stat().st_mode & PRIVATE_FILE != PRIVATE_FILE]
    for path in unreadable:
        yield Finding(
            "privacy", f"{path} cannot be read by you either", f"Run `chmod 600 {shlex.quote(str(path))}`."
        )
    for path in open_to_others:
        mode = "700" if path.is_dir() else "600"
        yield Finding("privacy", f"{path} is open to others", f"Run `chmod {mode} {shlex.quote(str(path))}`.")
    if not (open_to_others or unreadable):
        yield Finding("privacy", "only you can read the files")


def _database(database: Database) -> Iterator[Finding]:
    try:
        with database.reading() as connection:
            problems = check(connection)
            foreign = foreign_parts(connection)
        with database.writing():
            # Nothing: a lock, a file or a disk that cannot be written shows here.
            pass
    except CohortError as error:
        yield Finding("database", "cannot be used", error.message)
        return
    for problem in problems:
        yield Finding("database", problem, restore_advice(database.home))
    if not problems:
        more = f"; {', '.join(foreign)} in it, not of this program" if foreign else ""
        yield Finding("database", f"sound{more}")
    if database.home.unfinished_purge.exists():
        yield Finding(
            "purge",
            "the last one was not finished",
            "Run the same `cohort-tracker purge` again: it finishes it.",
        )
    if is_closed(database):
        yield Finding(
            "tokens",
            "those of before are lost, so dashboard and API are closed",
            "Run `cohort-tracker token create --name NAME`, or without tokens `cohort-tracker serve --open`.",
        )


def _no_database(home: Home) -> Finding:
    lost = describe_loss(home)
    if lost is None:
        return Finding(
            "database", "there is none yet", "Run `cohort-tracker init` and `cohort-tracker sync`."
        )
    return Finding("database", "it is empty" if home.database.exists() else "it is gone", lost)


def _syncs(database: Database) -> Iterator[Finding]:
    try:
        latest = lock.load_jobs(database, limit=1)
    except CohortError:
        return
    if not latest:
        yield Finding("syncs", "none yet", "Run `cohort-tracker sync`.")
        return
    (job,) = latest
    failed = [run for run in job.runs if run.error]
    if job.state == "interrupted":
        yield Finding(
            "syncs", "the last one was interrupted", "Run `cohort-tracker sync`; it reads everything again."
        )
    elif failed:
        for run in failed:
            yield Finding("syncs", f"the last one of {run.name} {run.state}", run.error)
    elif job.error:
        yield Finding("syncs", f"the last one ended as {job.state}", job.error)
    else:
        yield Finding("syncs", f"the last one is {job.state}")


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
    yield Finding(
        label, f"connected at {source.address}; it lists {count} {'class' if count == 1 else 'classes'}"
    )
    days = _days_left(token)
    if days is None:
        yield Finding("token", "does not say how long it is good")
    elif days < MIN_TOKEN_DAYS:
        yield Finding(
            "token",
            f"is good for {one_decimal(days * 24)} hours",
            "Nothing to do: every sync logs in anew. If a long sync fails, try again.",
        )
    else:
        yield Finding("token", f"is good for {some_days(days)}")


def _days_left(token: str) -> float | None:
    """Return the days until a JSON web token expires; None if it does not say."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return (float(claims["exp"]) - utc_now().timestamp()) / 86_400
    except (ValueError, IndexError, KeyError, TypeError):
        return None
