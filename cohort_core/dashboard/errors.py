"""What a mentor sees when something goes wrong: a sentence, never a traceback."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from cohort_core.dashboard.components.text import literal
from cohort_core.errors import CohortError

logger = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong that should not have. Reload the page; details are in the log."


@contextmanager
def guarded(where: str, *, stop: bool = True) -> Iterator[list[str]]:
    """Turn an exception of the block into a notice, and end the page or fragment there.

    With ``stop`` False nothing is shown: the sentence is put into the list that the block gets.
    Streamlit's own signals, which are no ``Exception``, pass.
    """
    told: list[str] = []
    try:
        yield told
    except Exception as error:  # noqa: BLE001 - the last fence before a mentor's screen
        told.append(sentence_for(error, where))
        if stop:
            st.error(literal(told[0]))
            st.stop()


def sentence_for(error: Exception, where: str) -> str:
    """The error's own sentence if it is meant for people; else the plain one, with the place in the log."""
    if isinstance(error, CohortError):
        logger.warning("The dashboard (%s) met %s", where, error.code)
        return error.message
    # Lines of code only: what an exception says may quote data.
    places = "".join(traceback.format_tb(error.__traceback__))
    logger.error("The dashboard (%s) met an unexpected %s\n%s", where, type(error).__name__, places)
    return UNEXPECTED


def show_error(error: Exception) -> bool:
    """For ``st.App(on_script_error=…)``: what no page caught. True says that it has been shown."""
    st.error(literal(sentence_for(error, "script")))
    return True
