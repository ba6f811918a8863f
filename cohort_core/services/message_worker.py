"""The thread that sends messages while this program serves.

A home without destinations costs one small query from time to time, and nothing of what messages need is
imported.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from cohort_core.errors import CohortError

if TYPE_CHECKING:
    from cohort_core.services.messenger import Messenger
    from cohort_core.services.workspace import Workspace

logger = logging.getLogger(__name__)

SLICE_SECONDS = 5.0
"""How often the worker looks; the first webhook is tried again after so many seconds."""


class MessageWorker:
    """Sends the messages of a workspace: in a thread once started, else after each sync."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._messenger: Messenger | None = None

    def start(self) -> None:
        """Start the thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="messages", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Begin no more attempts. One that is being made goes on to its end."""
        self._stop.set()
        self._wake.set()

    def wake(self) -> None:
        """Let the thread look now."""
        self._wake.set()

    def before_sync(self) -> None:
        """Import what events need while a sync waits for the network, if anybody wants events.

        It takes half a second, which a command would spend at its end.
        """
        from cohort_core.store.destinations import has_destinations

        with suppress(CohortError):
            if self._thread is None and has_destinations(self._workspace.database, ("webhook",)):
                threading.Thread(target=self._import, name="imports", daemon=True).start()

    def _import(self) -> None:
        import cohort_core.metrics.triage
        import cohort_core.store.class_data_loader  # noqa: F401

        self.messenger()

    def after_sync(self) -> None:
        """Make and send the events of a sync that ended. Never raises."""
        if self._thread is not None:
            self.wake()
        else:
            self.step()

    def step(self) -> None:
        """Do what is due, if there is any destination. Never raises."""
        from cohort_core.store.destinations import has_destinations

        try:
            if has_destinations(self._workspace.database):
                self.messenger().step()
        except (CohortError, OSError) as error:
            logger.warning("Messages wait: %s", getattr(error, "code", type(error).__name__))
        except Exception as error:  # noqa: BLE001 - one failure must not end the thread, or a sync
            logger.error("Messages met an unexpected %s", type(error).__name__)

    def messenger(self) -> Messenger:
        """Return what makes and sends messages."""
        if self._messenger is None:
            from cohort_core.services.messenger import Messenger

            self._messenger = Messenger(self._workspace)
        return self._messenger

    def unreadable(self) -> list[str]:
        """Return the names of the destinations whose address this process cannot read."""
        from cohort_core.store.destinations import has_destinations

        if not has_destinations(self._workspace.database):
            return []
        return [destination.name for destination in self.messenger().unreadable()]

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(SLICE_SECONDS)
            self._wake.clear()
            if not self._stop.is_set():
                self.step()
