"""Show errors to a mentor as a sentence, never as a traceback."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from cohort_core.dashboard.components.text import literal
from cohort_core.dashboard.page_words import for_page
from cohort_core.errors import CohortError, refused_by_system

logger = logging.getLogger(__name__)

UNEXPECTED = (
    "Something failed that should not have. Reload the page. If it fails again, tell whoever installed "
    "Cohort Tracker."
)


@contextmanager
def guarded(where: str, *, stop: bool = True) -> Iterator[list[str]]:
    """Turn an exception of the block into a notice.

    The page or the fragment ends there.

    With ``stop`` False it shows nothing. Instead it appends the sentence to the list that the block gets.
    Streamlit's own signals are not an ``Exception``, so they pass.
    """
    problems: list[str] = []
    try:
        yield problems
    except Exception as error:  # noqa: BLE001 - the last fence before a mentor's screen
        problems.append(sentence_for(error, where))
        if stop:
            st.error(literal(problems[0]))
            st.stop()


def sentence_for(error: Exception, where: str) -> str:
    """Return a sentence for the mentor, and write the error to the log.

    A `CohortError` has a sentence of its own, of which a page shows what is not for a terminal. For any other
    error the sentence says nothing about the cause, and the log gets the place in the code.
    """
    if isinstance(error, OSError):
        error = refused_by_system(error)
    if isinstance(error, CohortError):
        logger.warning("The dashboard (%s) met %s", where, error.code)
        return for_page(error.message, error.code)
    # Log lines of code only: the message of an exception may quote data.
    places = "".join(traceback.format_tb(error.__traceback__))
    logger.error("The dashboard (%s) met an unexpected %s\n%s", where, type(error).__name__, places)
    return UNEXPECTED


def show_error(error: Exception) -> bool:
    """Show an error that no page caught, for ``st.App(on_script_error=…)``.

    The result True tells Streamlit that the error is already on the screen.
    """
    st.error(literal(sentence_for(error, "script")))
    return True
