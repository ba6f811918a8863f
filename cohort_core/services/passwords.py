"""Passwords of accounts: rules for new ones, and slow hashes with Argon2id."""

from __future__ import annotations

import threading
import unicodedata
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from cohort_core.errors import BadInput

MIN_LENGTH, MAX_LENGTH = 12, 256
_MIN_SCORE, _MAX_GUESSED = 3, 72
"""The lowest score, of 0 to 4, and the letters that zxcvbn looks at.

From 3 on it takes 10^8 guesses and more.
"""
_OF_THIS_PROGRAM = ("cohort", "tracker", "cohort tracker", "cohort-tracker", "cohorttracker", "openclass")
_MEMORY_KIB, _ROUNDS, _LANES = 64 * 1024, 3, 4
# Each hash takes 64 MiB, so many at once would fill the memory of a small server.
_at_work = threading.BoundedSemaphore(2)
_guessing = threading.Lock()


@cache
def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(time_cost=_ROUNDS, memory_cost=_MEMORY_KIB, parallelism=_LANES),))


@cache
def _hash_of_nobody() -> str:
    return hash_password("the password of nobody")


def check_password(password: str, *, name: str = "", email: str | None = None) -> None:
    """Raise ``BadInput`` for a new password of a wrong length, or easy to guess.

    A list of common passwords would miss `password2026` and `qwertyuiop12`. So zxcvbn counts how many guesses
    it takes: from 30,000 common passwords, words, keyboard rows, dates, repeats, and from name and email.
    """
    text = _normalised(password)
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise BadInput(
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} letters. Choose another; a few words in a row "
            "are good.",
            parameter="password",
        )
    # Imported here, since its lists take 14 MB of memory.
    from zxcvbn import zxcvbn

    own = [name, email or "", (email or "").partition("@")[0], *_OF_THIS_PROGRAM]
    # It keeps the words of the last caller.
    with _guessing:
        score = zxcvbn(text[:_MAX_GUESSED], user_inputs=[word for word in own if word])["score"]
    if score < _MIN_SCORE:
        raise BadInput(
            "This password is too easy to guess. Choose another; a few words in a row are good.",
            parameter="password",
        )


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password."""
    with _at_work:
        return _hasher().hash(_normalised(password))


def is_password(password: str, password_hash: str | None) -> bool:
    """Return whether a password has this hash, in the same time if there is none."""
    # Made in any case, so that the first unknown name takes no longer than the first known name.
    nobody = _hash_of_nobody()
    wanted = password_hash or nobody
    if len(password) > MAX_LENGTH * 4:
        password = ""
    with _at_work:
        try:
            is_right = _hasher().verify(_normalised(password), wanted)
        except PwdlibError:
            is_right = False
    return is_right and password_hash is not None


def _normalised(password: str) -> str:
    """Return the same text for the same password, however a keyboard composes its letters."""
    return unicodedata.normalize("NFKC", password)
