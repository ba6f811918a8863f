"""Streamlit's settings: one file, applied by whoever starts a server."""

from __future__ import annotations

import tomllib

from cohort_core.config.paths import entry_folder

CONFIG = entry_folder() / ".streamlit" / "config.toml"
ENTRY = entry_folder() / "app.py"


def streamlit_options() -> dict[str, object]:
    """Every setting of `.streamlit/config.toml` by its dotted name, whatever folder this process runs in."""
    options: dict[str, object] = {}

    def collect(prefix: str, values: dict[str, object]) -> None:
        for name, value in values.items():
            if isinstance(value, dict):
                collect(f"{prefix}{name}.", value)
            else:
                options[f"{prefix}{name}"] = value

    collect("", tomllib.loads(CONFIG.read_text("utf-8")))
    return options


def apply_streamlit_options() -> None:
    """Make the settings certain: over a person's own, over those of the working folder. Call it again after
    `st.App` is made, which may be what makes Streamlit read its files.
    """
    from streamlit import config

    for name, value in streamlit_options().items():
        config.set_option(name, value, ".streamlit/config.toml of Cohort Tracker")
