"""Messages in the words of a page: without commands, paths and variables."""

from __future__ import annotations

import re

from cohort_core import errors

# A command or option, a path, a variable, or a file of the data folder.
_FOR_TERMINALS = re.compile(
    r"`|(?:^|[\s('\"])(?:~?/|[A-Za-z]:\\|\\\\)\S|\bCOHORT_[A-Z]|(?:^|\s)--[a-z]"
    r"|\b(?:config\.toml|credentials\.json|pseudonyms\.key|cohort\.(?:db|log)|\w+\.lock)\b"
)
_ALTERNATIVE = re.compile(r",? or [^.`]*`[^`]*`")
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")
_BACKUP = (
    "The last backup has to be put back, on the computer where Cohort Tracker runs. The guide says how, "
    "at its end."
)
_CONNECT = "Connect again, under Settings."
_ASK = "Ask whoever set up Cohort Tracker."
SEE_CLASSES = "The page Classes asks what to do."
WORDS = {
    errors.DatabaseUnusable.code: ("Cohort Tracker cannot use its database.", _BACKUP),
    errors.DatabaseNewer.code: ("A later version of Cohort Tracker wrote the data.", "Install that version."),
    errors.SystemRefused.code: (
        "Cohort Tracker cannot use one of its files.",
        "Check that the disk is not full, and that the data folder is yours to write.",
    ),
    errors.BadSettings.code: ("The settings cannot be used.", _ASK),
    errors.NotConnected.code: ("Cohort Tracker is not connected to your school.", _CONNECT),
    errors.LoginRefused.code: ("OpenClass does not accept the email and password.", _CONNECT),
    errors.NotInstalled.code: ("A part of Cohort Tracker is not installed.", _ASK),
    errors.NoNetwork.code: ("OpenClass cannot be reached.", "Check the network of this computer."),
    errors.UpstreamDown.code: ("OpenClass does not answer as it should.", "Try again in some minutes."),
    errors.UpstreamChanged.code: ("OpenClass does not answer as it should.", _ASK),
    errors.SyncRunning.code: ("A sync is running already.", "Wait for it to end."),
    errors.RemovalsRefused.code: (
        "OpenClass no longer has many records of this class.",
        SEE_CLASSES,
    ),
    errors.BadInput.code: ("This cannot be used.", ""),
}
"""The event and the advice, by the code of an error.

These stand for its own sentences that are left out.
"""
CHECK_UP = {
    "database": _BACKUP,
    "disk": "Free some space: syncs and backups need it.",
    "folder": "The data folder has to be on a disk of this computer alone, and yours to write.",
    "password": _CONNECT,
    "privacy": "You should be able to read and write it, and nobody else.",
    "purge": "Remove the same student once more: that finishes it.",
    "settings": "Correct or delete it in the file with the settings.",
    "syncs": "Press Sync now.",
    "tokens": "A new token, made on the computer where Cohort Tracker runs, lets people in again.",
    "time zone": _ASK,
}

_PATH = re.compile(r"(?<![\w/])(?:[A-Za-z]:\\|~?/)(?:[^\s`'\",;:()]|\\ )+")

FIXED = "Whoever runs Cohort Tracker has set this for everybody; ask them to change it."


def for_page(message: str, code: str | None = None) -> str:
    """Return a message without the sentences that are for a terminal.

    If the first or the last is left out, ``code``, which is that of an error, gives another one.
    """
    lead, advice = WORDS.get(code or "", ("", _ASK))
    return _in_words(message, lead, advice)


def advice_for_page(advice: str, topic: str) -> str:
    """Return the advice of a finding of the check-up without what is for a terminal."""
    return _in_words(advice, "", CHECK_UP.get(topic, _CONNECT))


def without_paths(text: str) -> str:
    """Replace paths, which mean nothing to a mentor, and often contain their name."""
    return _PATH.sub("the data folder", text)


def is_for_terminal(text: str) -> bool:
    """Return True if a text names a command, path, variable or file."""
    return _FOR_TERMINALS.search(text) is not None


def _in_words(message: str, lead: str, advice: str) -> str:
    sentences = _BETWEEN_SENTENCES.split(_ALTERNATIVE.sub("", message))
    is_kept = [not is_for_terminal(sentence) for sentence in sentences]
    kept = [sentence for sentence, is_shown in zip(sentences, is_kept, strict=True) if is_shown]
    if not is_kept[0]:
        kept.insert(0, lead)
    if not is_kept[-1]:
        kept.append(advice)
    return " ".join(filter(None, kept))
