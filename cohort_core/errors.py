"""Every way in which Cohort Tracker can fail, as one tree.

    CohortError
    ├── SettingsError
    │   ├── NotConnected           no settings yet, or one that a sync needs is missing
    │   ├── BadSettings            a setting has a value that cannot be used
    │   ├── SettingsBusy           another program does not come to an end with changing them
    │   └── NotInstalled           an optional part of this program is not installed
    ├── StoreError
    │   ├── DatabaseNewer          written by a later version of this program
    │   ├── DatabaseBusy           another program does not let go of it
    │   └── DatabaseUnusable       not readable, not a database, or damaged
    ├── UpstreamError
    │   ├── LoginRefused           OpenClass does not accept the email and password
    │   ├── NoNetwork              OpenClass cannot be reached from here
    │   ├── UpstreamDown           OpenClass answers, but with errors
    │   ├── UpstreamChanged        OpenClass answers in a format that is not the known one
    │   └── ClassInaccessible      OpenClass says that a class is not there or not ours
    ├── SyncRunning                someone else syncs at this moment
    ├── SyncCancelled              a person stopped the sync
    ├── SyncFailed                 at least one class could not be synced
    ├── RemovalsRefused            a sync would remove so much that a person must agree first
    ├── UnknownClass               no such class in the database
    ├── UnknownJob                 no such sync
    └── BadInput                   a parameter, file or option that cannot be used

Each leaf is something that a caller can do something about, and carries a stable ``code``. What an
edge makes of it (an HTTP status, an exit code, a notice on a page) is the edge's own table. A message
is one or two sentences of which the last says what to do; it never holds a password, a token, a
response body or a student's data.
"""

from __future__ import annotations

from typing import Any, ClassVar


class CohortError(Exception):
    """Base of all errors that are meant for the person in front of the screen."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class SettingsError(CohortError):
    """Something about the settings."""


class NotConnected(SettingsError):
    code = "not_connected"


class BadSettings(SettingsError):
    code = "bad_settings"


class SettingsBusy(SettingsError):
    code = "settings_busy"


class NotInstalled(SettingsError):
    code = "not_installed"


class StoreError(CohortError):
    """Something about the database file."""


class DatabaseNewer(StoreError):
    code = "database_newer"


class DatabaseBusy(StoreError):
    code = "database_busy"


class DatabaseUnusable(StoreError):
    code = "database_unusable"


class UpstreamError(CohortError):
    """Something about OpenClass."""


class LoginRefused(UpstreamError):
    code = "login_refused"


class NoNetwork(UpstreamError):
    code = "no_network"


class UpstreamDown(UpstreamError):
    code = "upstream_down"


class UpstreamChanged(UpstreamError):
    code = "upstream_changed"


class ClassInaccessible(UpstreamError):
    code = "class_inaccessible"


class SyncRunning(CohortError):
    """``details`` holds ``job``, the id of the sync that runs."""

    code = "sync_running"


class SyncCancelled(CohortError):
    code = "sync_cancelled"

    def __init__(self) -> None:
        super().__init__("The sync was stopped. What it had read is kept; sync again when you like.")


class SyncFailed(CohortError):
    code = "sync_failed"


class RemovalsRefused(CohortError):
    code = "removals_refused"


class UnknownClass(CohortError):
    code = "unknown_class"


class UnknownJob(CohortError):
    code = "unknown_job"


class BadInput(CohortError):
    """``details`` holds ``parameter``, the name of what was wrong."""

    code = "bad_input"


def leaves(root: type[CohortError] = CohortError) -> list[type[CohortError]]:
    """All concrete errors below ``root``, in the order of the tree."""
    children = root.__subclasses__()
    return [leaf for child in children for leaf in leaves(child)] if children else [root]
