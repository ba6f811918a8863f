"""Streamlit's settings.

They stand in one file, and the program that starts a server applies them.
"""

from __future__ import annotations

import json
import tomllib

from cohort_core.config.paths import entry_folder

CONFIG = entry_folder() / ".streamlit" / "config.toml"
ENTRY = entry_folder() / "app.py"


def streamlit_options() -> dict[str, object]:
    """Return all settings of `.streamlit/config.toml` by their dotted names.

    Streamlit itself reads the file only from the working folder; this works from every folder.
    """
    options: dict[str, object] = {}

    def collect(prefix: str, values: dict[str, object]) -> None:
        for name, value in values.items():
            if isinstance(value, dict):
                collect(f"{prefix}{name}.", value)
            else:
                # Streamlit itself reads JSON here only where it reads the file.
                is_json = f"{prefix}{name}" == "server.trustedUserHeaders"
                options[f"{prefix}{name}"] = json.loads(str(value)) if is_json else value

    collect("", tomllib.loads(CONFIG.read_text("utf-8")))
    return options


def apply_streamlit_options(*, guards_names: bool = False) -> None:
    """Apply the settings over the user's own and over those of the working folder.

    With ``guards_names`` the server around the dashboard checks by which name it is asked (`BrowserGuard`).
    It alone has the names of ``--allow-host``; Streamlit would refuse the WebSocket of everybody behind a
    proxy.

    Call it again after creating `st.App`, because that may make Streamlit read its files.
    """
    from streamlit import config

    options = streamlit_options()
    if guards_names:
        options["server.allowedHosts"] = ["*"]
    for name, value in options.items():
        config.set_option(name, value, ".streamlit/config.toml of Cohort Tracker")
