"""Errors and advice in the words of a page: without commands, files and variables.

Messages of errors are written for a terminal too, and are stored with the syncs that failed.
"""

from __future__ import annotations

import re

ASK = "Ask whoever installed Cohort Tracker."
SENTENCES = {
    "not_connected": "Cohort Tracker does not know your school yet. Connect to it on the page Connect.",
    "bad_settings": "A setting cannot be used. Connect again under Settings, Connection; if that does not "
    "help, "
    "ask whoever installed Cohort Tracker.",
    "not_installed": "This part of Cohort Tracker is not installed. Ask whoever installed Cohort Tracker "
    "to add it.",
    "database_newer": "A later version of Cohort Tracker wrote this data. Ask whoever installed Cohort "
    "Tracker for "
    "that version.",
    "database_unusable": "The database cannot be used. Ask whoever installed Cohort Tracker to put a "
    "backup back.",
    "login_refused": "OpenClass does not accept the login. Check school, email and password under Settings, "
    "Connection, and connect again.",
    "no_network": "OpenClass cannot be reached from this computer. Check the network, and the address under "
    "Settings, Connection.",
    "upstream_changed": "OpenClass answers from another address. Check the address under Settings, "
    "Connection.",
    "unknown_class": "This class is not here any more. Choose another in the sidebar.",
}
"""Sentences in place of messages for a terminal, by the code of the error."""
ADVICE = {
    "settings": "Connect again under Settings, Connection.",
    "password": "Connect again under Settings, Connection.",
    "syncs": "Press Sync now.",
    "database": "Ask whoever installed Cohort Tracker to put a backup back.",
}
"""The advice of the check-up on the page, by topic."""

_PATH = re.compile(r"(?<![\w/])(?:[A-Za-z]:\\|~?/)(?:[^\s`'\",;:()]|\\ )+")
_OF_TERMINAL = re.compile(r"`|\bCOHORT_|\b\w+\.(?:toml|json|db|key|log)\b")
_ALTERNATIVE = re.compile(r",? or [^.`]*`[^`]*`")
_END = re.compile(r"(?<=[.:]) (?=[A-Z`])")


def is_of_terminal(message: str) -> bool:
    """Return True if a message names a command, a file or a variable."""
    return bool(_OF_TERMINAL.search(message) or _PATH.search(message))


def on_page(message: str, code: str | None = None) -> str:
    """Return the message of an error with this code as a page says it."""
    message = _ALTERNATIVE.sub("", message)
    if not is_of_terminal(message):
        return message
    if code == "system_refused" and " cannot be used" in message:
        return f"A file of Cohort Tracker{message[message.index(' cannot be used') :]}"
    if code in SENTENCES:
        return SENTENCES[code]
    kept = [sentence for sentence in _END.split(message) if not is_of_terminal(sentence)]
    # The page Classes has a button for removals.
    return " ".join(kept if code == "removals_refused" else [*kept, ASK])


def advice_on_page(topic: str, advice: str | None) -> str:
    """Return the advice of the check-up as the page gives it."""
    if not advice or not is_of_terminal(advice):
        return advice or ""
    return ADVICE.get(topic, ASK)


def without_paths(text: str) -> str:
    """Replace paths, which mean nothing to a mentor, and often contain their name."""
    return _PATH.sub("the data folder", text)
