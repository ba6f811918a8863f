"""The job behind *Sync now*, which holds the sync lock while it runs."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence

from cohort_core import sources
from cohort_core.clock import utc_now
from cohort_core.errors import CohortError, StoreError, SyncCancelled, SyncFailed, refused_by_system
from cohort_core.sources.base import Login, RetryPolicy
from cohort_core.store import classes, sync_runs
from cohort_core.store.closing import erase_expired_contacts
from cohort_core.store.database import Database
from cohort_core.sync.engine import ClassSync
from cohort_core.sync.lock import acquire_lock

logger = logging.getLogger(__name__)

CANCEL_CHECK_SECONDS = 0.2

_UNEXPECTED = SyncFailed("The sync ended unexpectedly. Try again; what it had read is kept.")


class SyncJob:
    """A sync that holds the sync lock from its creation until it has ended.

    ``run`` syncs in the calling thread, ``start`` in a new one. ``on_page`` is called after each page is
    stored.
    """

    def __init__(
        self,
        database: Database,
        login: Login,
        class_ids: Sequence[str],
        *,
        asked_by: str,
        full: bool = False,
        accept_removals: bool = False,
        retry_policy: RetryPolicy | None = None,
        token: str | None = None,
    ) -> None:
        """Take the sync lock and open the job's record.

        Raises ``SyncRunning``, with the id of the running job, if another sync holds the lock.
        """
        self._database = database
        self._full = full
        self._accept_removals = accept_removals
        self._stop = threading.Event()
        self._next_cancel_check = 0.0
        self.on_page: Callable[[], None] = lambda: None
        self.on_end: Callable[[], None] = lambda: None
        """Called when the job has ended and holds the lock no more; must not raise."""
        self._lock = acquire_lock(database)
        try:
            self.id = sync_runs.create_job(
                database, class_ids, asked_by=asked_by, is_full=full, now=utc_now()
            )
            self._source = sources.source_class()(
                login, token=token, retry_policy=retry_policy, is_cancelled=self._is_cancelled
            )
        except BaseException:
            self._lock.release()
            raise

    @property
    def token(self) -> str | None:
        """The token that the job used, for the next job of the same process."""
        return self._source.token

    def log_in(self) -> None:
        """Log in, so that a refused login is reported before the sync begins.

        Raises what ``Source.log_in`` raises; the job has failed then.
        """
        if self._source.token is not None:
            return
        try:
            self._source.log_in()
        except BaseException as error:
            self._fail(error)
            raise

    def start(self) -> threading.Thread:
        """Run the sync in a new thread; return the thread."""
        thread = threading.Thread(target=self._run_quietly, name=f"sync-{self.id}", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Ask the sync to stop before its next page."""
        self._stop.set()

    def run(self) -> sync_runs.Job:
        """Sync class after class, and return the job's record.

        A class that fails does not stop the others. Raises ``SyncCancelled`` and ``StoreError``.
        """
        try:
            self._sync_classes()
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._close()
        return sync_runs.load_job(self._database, self.id)

    def _run_quietly(self) -> None:
        try:
            self.run()
        except CohortError as error:
            logger.warning("Sync %s ended with %s", self.id, error.code)
        except Exception as error:  # noqa: BLE001 - a thread has no caller; the error is in the job's record
            logger.error("Sync %s ended with an unexpected %s", self.id, type(error).__name__)

    def _sync_classes(self) -> None:
        job = sync_runs.load_job(self._database, self.id)
        errors: list[CohortError] = []
        with self._database.writer() as connection:
            self._connection = connection
            for run in job.runs:
                sync = ClassSync(
                    self._database,
                    connection,
                    self._source,
                    run,
                    full=self._full,
                    accept_removals=self._accept_removals,
                    is_cancelled=self._is_cancelled,
                    on_page=lambda: self.on_page(),
                )
                try:
                    sync.execute()
                except (SyncCancelled, StoreError):
                    raise
                except CohortError as error:
                    errors.append(error)
                except Exception as error:  # noqa: BLE001
                    # A defect that shows in one class need not concern the others.
                    logger.error("Sync %s met an unexpected %s", self.id, type(error).__name__)
                    errors.append(_UNEXPECTED)
                else:
                    continue
                sync_runs.fail_run(self._database, connection, run.id, errors[-1], utc_now())
        with contextlib.suppress(StoreError):
            # The next sync or start tries again.
            erase_expired_contacts(self._database, utc_now())
        state = "done" if not errors else "failed" if len(errors) == len(job.runs) else "partial"
        sync_runs.end_job(self._database, self.id, state, utc_now(), errors[0] if errors else None)

    def _fail(self, error: BaseException) -> None:
        """Close the job's record with an error, as far as that is still possible."""
        state = "failed"
        reason: CohortError = _UNEXPECTED
        if isinstance(error, SyncCancelled | KeyboardInterrupt):
            state, reason = "cancelled", SyncCancelled()
        elif isinstance(error, StoreError):
            # All who see the sync read this message, but few of them may know where the file is.
            reason = type(error)("The database could not be used. `cohort-tracker doctor` says why.")
        elif isinstance(error, CohortError):
            reason = error
        elif isinstance(error, OSError):
            reason = refused_by_system(error)
        with contextlib.suppress(CohortError):
            sync_runs.end_job(self._database, self.id, state, utc_now(), reason)
        self._close()

    def _close(self) -> None:
        """Release what the job holds. It may be called again."""
        self._source.close()
        self._lock.release()
        on_end, self.on_end = self.on_end, lambda: None
        on_end()

    def _is_cancelled(self) -> bool:
        """Return True if this or another process has asked the sync to stop.

        The store, where other processes ask, is read every CANCEL_CHECK_SECONDS at most.
        """
        if not self._stop.is_set() and time.monotonic() >= self._next_cancel_check:
            self._next_cancel_check = time.monotonic() + CANCEL_CHECK_SECONDS
            if sync_runs.is_cancel_requested(self._database, self.id):
                self._stop.set()
        return self._stop.is_set()


def active_or_named(database: Database, references: Sequence[str] | None) -> list[str]:
    """Return the ids of the named classes, or of the active ones by default.

    Raises ``UnknownClass`` for an id or friendly id that does not exist.
    """
    if references:
        return list(dict.fromkeys(classes.find_class(database, reference) for reference in references))
    return classes.active_class_ids(database)
