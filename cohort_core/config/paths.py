"""The folder that holds the settings, database and logs of one mentor.

This module is separate from the settings, so that a command that only reads the database starts fast.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


class Home:
    """Paths inside ``COHORT_HOME`` (default: the platform's user data folder)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.config_lock = folder / "config.toml.lock"
        self.credentials = folder / "credentials.json"
        self.pseudonym_key = folder / "pseudonyms.key"
        self.database = folder / "cohort.db"
        self.write_lock = folder / "cohort.db.lock"
        self.sync_lock = folder / "sync.lock"
        self.log = folder / "cohort.log"
        self.visits = folder / "visits.json"
        self.requests = folder / "requests.log"
        self.backups = folder / "backups"

    @classmethod
    def from_environment(cls) -> Home:
        """Return the home that ``COHORT_HOME`` names, else the default one."""
        chosen = os.environ.get("COHORT_HOME")
        if chosen:
            return cls(Path(chosen).expanduser().absolute())
        import platformdirs

        return cls(Path(platformdirs.user_data_dir("cohort-tracker", appauthor=False)))

    def ensure(self) -> None:
        """Create the folder, readable by its owner only. An existing folder keeps its mode."""
        self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)

    def files(self) -> list[Path]:
        """Return the files in the folder, with SQLite's own and the backups."""
        folders = [folder for folder in (self.folder, self.backups) if folder.is_dir()]
        return sorted(path for folder in folders for path in folder.iterdir() if path.is_file())

    def write_private(self, path: Path, text: str) -> None:
        """Replace a file atomically; at no moment can other users read it."""
        self.ensure()
        write_private(path, text.encode())


def entry_folder() -> Path:
    """Return the folder that holds `app.py`, `pages` and `.streamlit`.

    An installed wheel carries them inside the package; in a checkout they stand beside it.
    """
    package = Path(__file__).resolve().parents[1]
    installed = package / "entry"
    return installed if installed.is_dir() else package.parent


def file_version(path: Path) -> tuple[int, ...]:
    """Return a value that changes whenever the file is written; empty without a file."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns


def write_private(path: Path, data: bytes) -> None:
    """Replace a file in any folder atomically, readable by its owner only."""
    # mkstemp creates the file with the mode PRIVATE_FILE.
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(draft, path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
