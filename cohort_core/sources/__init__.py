"""The learning management systems: one folder for each, and the choice of one.

Nothing outside of this file names the class of a source; it is known by `base.Source`.
"""

from __future__ import annotations

from cohort_core.config.credentials import load_password
from cohort_core.config.paths import Home
from cohort_core.config.settings import load_settings
from cohort_core.sources.base import Login, Source


def source_class() -> type[Source]:
    """Return the class of the source. There is one, so no setting chooses."""
    from cohort_core.sources.openclass.client import OpenClassClient

    return OpenClassClient


def load_login(home: Home) -> Login:
    """Load the login of ``home``. Raises ``NotConnected``, which names what is missing."""
    settings = load_settings(home)
    return Login(source_class().info, settings, load_password(home, settings))
