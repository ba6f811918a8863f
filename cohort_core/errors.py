"""Every way in which Cohort Tracker can fail, as one tree.

    CohortError
    ├── SettingsError
    │   ├── NotConnected           no settings yet, or one that a sync needs is missing
    │   ├── BadSettings            a setting has a value that cannot be used
    │   ├── SettingsBusy           another program has been changing them for too long
    │   └── NotInstalled           an optional part of this program is not installed
    ├── StoreError
    │   ├── DatabaseNewer          written by a later version of this program
    │   ├── DatabaseBusy           another program has locked it for too long
    │   └── DatabaseUnusable       not readable, not a database, or damaged
    ├── UpstreamError
    │   ├── LoginRefused           OpenClass does not accept the email and password
    │   ├── NoNetwork              OpenClass cannot be reached from here
    │   ├── UpstreamDown           OpenClass answers, but with errors
    │   ├── UpstreamChanged        OpenClass answers in a format that this version cannot read
    │   └── ClassInaccessible      OpenClass says that a class does not exist or is not ours
    ├── SystemRefused              the operating system refuses a file, a folder or the output
    ├── SyncRunning                another sync is running
    ├── SyncCancelled              a person stopped the sync
    ├── SyncFailed                 at least one class could not be synced
    ├── RemovalsRefused            a sync would remove so much that a person must agree first
    ├── AnswerChanged              somebody else changed an answer of the handover meanwhile
    ├── NotAllowed                 the role of a person or token is too low
    ├── UnknownClass               no such class in the database
    ├── UnknownJob                 no such sync
    └── BadInput                   a parameter, file or option that cannot be used

Each leaf is a case that a caller can handle in its own way, and has a stable ``code``. The API, the
command line and the pages each have their own table that maps it to an HTTP status, an exit code or a
notice. A message has one or two sentences, of which the last says what to do; it never holds a password,
a token, a response body or a student's data.
"""

from __future__ import annotations

import errno
from typing import Any, ClassVar


class CohortError(Exception):
    """Base of all errors whose message is written for the user."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class SettingsError(CohortError):
    """Base of all errors about the settings."""


class NotConnected(SettingsError):
    """No settings yet, or one that a sync needs is missing."""

    code = "not_connected"


class BadSettings(SettingsError):
    """A setting has a value that cannot be used."""

    code = "bad_settings"


class SettingsBusy(SettingsError):
    """Another program has been changing the settings for too long."""

    code = "settings_busy"


class NotInstalled(SettingsError):
    """An optional part of this program is not installed."""

    code = "not_installed"


class StoreError(CohortError):
    """Base of all errors about the database file."""


class DatabaseNewer(StoreError):
    """A later version of this program wrote the database."""

    code = "database_newer"


class DatabaseBusy(StoreError):
    """Another program has locked the database for too long."""

    code = "database_busy"


class DatabaseUnusable(StoreError):
    """The file cannot be read, is damaged or is not a database."""

    code = "database_unusable"


class UpstreamError(CohortError):
    """Base of all errors about OpenClass."""


class LoginRefused(UpstreamError):
    """OpenClass does not accept the email and password."""

    code = "login_refused"


class NoNetwork(UpstreamError):
    """OpenClass cannot be reached from this computer."""

    code = "no_network"


class UpstreamDown(UpstreamError):
    """OpenClass answers, but with errors."""

    code = "upstream_down"


class UpstreamChanged(UpstreamError):
    """OpenClass answers in a format that this version cannot read."""

    code = "upstream_changed"


class ClassInaccessible(UpstreamError):
    """OpenClass says that a class does not exist or is not ours."""

    code = "class_inaccessible"


class SystemRefused(CohortError):
    """The operating system refuses a file, a folder or the output."""

    code = "system_refused"


class SyncRunning(CohortError):
    """Another sync is running; ``details["job"]`` is its id, or None if it has ended meanwhile."""

    code = "sync_running"


class SyncCancelled(CohortError):
    """A person stopped the sync."""

    code = "sync_cancelled"

    def __init__(self) -> None:
        super().__init__("The sync was stopped. What it had read is kept; sync again when you like.")


class SyncFailed(CohortError):
    """At least one class could not be synced."""

    code = "sync_failed"


class RemovalsRefused(CohortError):
    """A sync would remove so much that a person must agree first."""

    code = "removals_refused"


class AnswerChanged(CohortError):
    """Somebody changed an answer of the handover meanwhile.

    ``details["present"]`` is the present text, empty if it was removed; it is missing with pseudonyms.
    """

    code = "answer_changed"


class NotAllowed(CohortError):
    """The role of a person or token is too low for an action."""

    code = "role_too_low"


class UnknownClass(CohortError):
    """The database has no such class."""

    code = "unknown_class"


class UnknownJob(CohortError):
    """The database has no such sync."""

    code = "unknown_job"


class BadInput(CohortError):
    """A parameter, file or option cannot be used; ``details["parameter"]`` is its name."""

    code = "bad_input"


_NOT_YOURS = "It is not yours to use: change its owner"
_NO_FOLDER = "A file stands where a folder is needed: move it away"
_ADVICE = {
    errno.ENOSPC: "The disk is full: free some space",
    errno.EDQUOT: "Your share of the disk is used up: free some space",
    errno.EROFS: "It can only be read there: choose another folder",
    errno.EACCES: _NOT_YOURS,
    errno.EPERM: _NOT_YOURS,
    errno.ENAMETOOLONG: "The name is too long: choose a shorter one",
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.EISDIR: "A folder stands where a file is needed: move it away",
    errno.ENOENT: "It is not there: check its name",
    errno.EMFILE: "Too many files are open: end other programs",
    errno.EIO: "The disk or its connection fails: check it",
}
_OF_FOLDER = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST}
"""Errors that another data folder solves."""


def refused_by_system(error: OSError) -> SystemRefused:
    """Make the error for a refusal of the operating system.

    This is the one place for such sentences.
    """
    what = str(error.filename) if error.filename else "The output or a file"
    what = what if len(what) <= 200 else f"{what[:80]}…{what[-80:]}"
    reason = error.strerror or type(error).__name__
    advice = _ADVICE.get(error.errno or 0, "Check that the folder is yours to write and the disk is not full")
    if error.errno in _OF_FOLDER:
        advice += ", or set COHORT_HOME to another folder"
    return SystemRefused(f"{what} cannot be used ({reason}). {advice}, and try again.")


def leaves(root: type[CohortError] = CohortError) -> list[type[CohortError]]:
    """Return all concrete errors below ``root``, in the order of the tree."""
    children = root.__subclasses__()
    return [leaf for child in children for leaf in leaves(child)] if children else [root]
