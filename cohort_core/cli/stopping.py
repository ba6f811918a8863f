"""Ctrl-C and its like: a line that says what was kept, and an exit code."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_AGAIN = "Run the same command again when you like."
_SENTENCES = {
    "sync": f"The sync was stopped. What it had read is kept. {_AGAIN}",
    "backup": f"Stopped before the backup was done: no file was written or replaced. {_AGAIN}",
    "restore": "Stopped. The database is whole, as it was or as in the backup; `cohort-tracker status` shows "
    f"which. {_AGAIN}",
    "purge": "Stopped. Run the same command again: it finishes what is left to do.",
    "export": f"Stopped before the file was done: none was written or replaced. {_AGAIN}",
    "report": f"Stopped before the file was done: none was written or replaced. {_AGAIN}",
    "import": "Stopped. A file is imported whole or not at all; `cohort-tracker audit` lists what was. "
    f"{_AGAIN}",
    "token": "Stopped. A token that was not printed was not made; `cohort-tracker token list` shows all. "
    f"{_AGAIN}",
}
_SENTENCE = f"Stopped. Nothing is left half done. {_AGAIN}"

_received: int | None = None


def watch() -> None:
    """Turn the signals that end a program into ``KeyboardInterrupt``, and remember them.

    Signals that the caller ignores, as ``nohup`` does, stay ignored.
    """
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _receive)


def _receive(number: int, frame: FrameType | None) -> None:
    global _received
    _received = number
    raise KeyboardInterrupt


def exit_code() -> int | None:
    """Return the exit code of a stopped program, None if no signal came."""
    return None if _received is None else 128 + _received


def sentence(words: Sequence[str]) -> str:
    """Say what a stopped command line has kept, and what to do."""
    command = next((word for word in words if not word.startswith("-")), "")
    return _SENTENCES.get(command, _SENTENCE)
