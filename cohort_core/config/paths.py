"""The folder that holds everything of one mentor: settings, database, logs.

Kept apart from the settings so that a command which only reads the database imports next to nothing.
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
        chosen = os.environ.get("COHORT_HOME")
        if chosen:
            return cls(Path(chosen).expanduser().absolute())
        import platformdirs

        return cls(Path(platformdirs.user_data_dir("cohort-tracker", appauthor=False)))

    def ensure(self) -> None:
        """Make the folder, readable by its owner only. A folder that exists keeps its mode."""
        self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)

    def files(self) -> list[Path]:
        """The files that are there, ours and SQLite's, backups included."""
        folders = [one for one in (self.folder, self.backups) if one.is_dir()]
        return sorted(path for folder in folders for path in folder.iterdir() if path.is_file())

    def write_private(self, path: Path, text: str) -> None:
        """Replace a file at once, never leaving half of it or a moment in which others can read it."""
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
    """Equal as long as nobody wrote the file; the same for all that are not there."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def write_private(path: Path, data: bytes) -> None:
    """Replace a file in any folder at once, readable by its owner only."""
    # Such a file has the mode PRIVATE_FILE from the start.
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(draft, path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
