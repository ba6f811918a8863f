"""The folder that holds the settings, database and logs of one mentor.

This module is separate from the settings, so that a command that only reads the database starts fast.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Literal, TextIO, get_args

from cohort_core.errors import BadInput, BadSettings, refused_by_system

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
SQLITE_SUFFIXES = ("-wal", "-shm", "-journal")
"""SQLite keeps parts of an open database in files whose names end like this."""
RESTORE_PREFIX = ".restore-"
"""A restore copies a backup of two files into such a folder."""

Guard = Literal["accounts", "tokens"]
GUARDS: tuple[Guard, ...] = get_args(Guard)


class Home:
    """Paths inside ``COHORT_HOME`` (default: the platform's user data folder)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.config_lock = folder / "config.toml.lock"
        self.credentials = folder / "credentials.json"
        self.secrets_key = folder / "secrets.key"
        self.oidc_secret = folder / "oidc-client.secret"
        self.pseudonym_key = folder / "pseudonyms.key"
        self.database = folder / "cohort.db"
        self.write_lock = folder / "cohort.db.lock"
        self.sync_lock = folder / "sync.lock"
        self.log = folder / "cohort.log"
        self.visits = folder / "visits.json"
        self.requests = folder / "requests.log"
        self.guarded = folder / "guarded"
        self.unfinished_purge = folder / "purge.unfinished"
        self.backups = folder / "backups"

    @classmethod
    def from_environment(cls) -> Home:
        """Return the home that ``COHORT_HOME`` names, else the default one.

        Raises ``BadSettings`` or ``SystemRefused`` for a place that can be no folder.
        """
        chosen = os.environ.get("COHORT_HOME")
        if chosen:
            try:
                folder = Path(chosen).expanduser().absolute()
            except RuntimeError:
                raise BadSettings(
                    f"COHORT_HOME is {chosen}, and this computer has no such user. Set it to another folder."
                ) from None
        else:
            import platformdirs

            folder = Path(platformdirs.user_data_dir("cohort-tracker", appauthor=False))
        home = cls(folder)
        home.refuse_file_as_folder()
        return home

    def refuse_file_as_folder(self) -> None:
        """Raise ``SystemRefused`` for a path that can be no folder.

        A file stands in its place, or it is too long.
        """
        try:
            os.lstat(self.database)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise refused_by_system(error) from None
        for folder in (self.folder, *self.folder.parents):
            if os.path.lexists(folder):
                if not folder.is_dir():
                    raise refused_by_system(
                        NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
                    )
                return

    def ensure(self) -> None:
        """Create the folder, readable by its owner only. An existing folder keeps its mode."""
        self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)

    def require_writable(self) -> None:
        """Create the folder, and try to write a file into it.

        Raises ``SystemRefused`` if that is impossible, or if one of the own files cannot be written.
        """
        path = self.folder
        try:
            self.ensure()
            try_to_write(path)
            for path in (self.database, self.write_lock, self.sync_lock, self.requests):
                if path.is_file():
                    os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
        except OSError as error:
            raise refused_by_system(OSError(error.errno, error.strerror, str(path))) from None

    def mark_guarded(self, by: Guard = "tokens") -> None:
        """Remember beside the database that tokens or accounts protect it.

        So a database that is lost, or put back without them, does not open the door to everybody.
        """
        self._write_guards(self.guards() | {by})

    def unmark_guarded(self, by: Guard) -> None:
        """Remember that tokens, or accounts, protect it no more."""
        self._write_guards(self.guards() - {by})

    def guards(self) -> frozenset[Guard]:
        """Return what protects the database: tokens, accounts, both or nothing."""
        try:
            words = self.guarded.read_text("utf-8").split()
        except FileNotFoundError:
            return frozenset()
        # Earlier versions knew tokens alone, and wrote an empty file.
        return frozenset(guard for guard in GUARDS if guard in (words or ["tokens"]))

    def _write_guards(self, guards: frozenset[Guard]) -> None:
        if guards == self.guards():
            return
        if not guards:
            self.guarded.unlink(missing_ok=True)
            return
        write_private(self.guarded, "".join(f"{guard}\n" for guard in sorted(guards)).encode())

    def visits_of(self, account_id: int | None) -> Path:
        """Return the file of a person's visits; without accounts there is one for all."""
        return self.visits if account_id is None else self.folder / f"visits-{account_id}.json"

    def files(self) -> list[Path]:
        """Return the files in the folder, with SQLite's own and the backups."""
        folders = [folder for folder in (self.folder, self.backups) if folder.is_dir()]
        return sorted(path for folder in folders for path in folder.iterdir() if path.is_file())

    def automatic_copies(self) -> list[Path]:
        """Return the copies from before a restore or a migration.

        A damaged database that was moved away and drafts that a killed program left are among them.
        """
        patterns = (
            "cohort.before-restore*",
            "cohort.db.damaged*",
            ".cohort.*.db.[0-9]*",
            ".cohort.db.[0-9]*",
            f"{RESTORE_PREFIX}*/*",
        )
        copies = [path for pattern in patterns for path in self.folder.glob(pattern)]
        copies += [*self.backups.glob("before-*.db"), *self.backups.glob(".*.db.[0-9]*")]
        return sorted(path for path in copies if path.is_file())

    def is_own_file(self, path: Path) -> bool:
        """Return True if a path leads to a file that this program keeps for itself.

        It may lead there by a link, a hard link, or a name that differs in case.
        """
        own = [entry for entry in vars(self).values() if entry not in (self.folder, self.backups)]
        own += [Path(f"{self.database}{suffix}") for suffix in SQLITE_SUFFIXES]
        for target in {path.absolute(), _resolved(path)}:
            is_here = _is_same(target.parent, self.folder)
            # Windows drops dots and blanks at the end of a name, and ":" begins the name of a part of a file.
            name = target.name.casefold().partition(":")[0].rstrip(". ")
            if any(_is_same(target, entry) or (is_here and name == entry.name) for entry in own):
                return True
        return False

    def refuse_own_file(self, path: Path, parameter: str) -> None:
        """Raise ``BadInput`` for an own file, an open database, and no ordinary file.

        The file would be another one, but SQLite's parts of the old one would stay beside it.
        """
        problem = ""
        if self.is_own_file(path):
            problem = "a file of the data folder itself, which must not be replaced"
        elif any(Path(f"{_resolved(path)}{suffix}").exists() for suffix in SQLITE_SUFFIXES):
            problem = "a database that a program has open"
        elif path.exists() and not path.is_file():
            problem = "no ordinary file, but a folder, a device or a pipe"
        if problem:
            raise BadInput(f"{path} is {problem}. Choose another name.", parameter=parameter)

    def write_private(self, path: Path, text: str) -> None:
        """Replace a file atomically; at no moment can other users read it."""
        self.ensure()
        write_private(path, text.encode())


def try_to_write(folder: Path) -> None:
    """Write a file into a folder, and remove it again.

    Raises ``OSError`` if that is impossible.
    """
    import tempfile

    with tempfile.TemporaryDirectory(dir=folder) as place:
        (Path(place) / "file").write_bytes(b"x" * 4096)


def is_open_to_others(home: Home) -> bool:
    """Return True if other users of this computer can write into the folder.

    Windows says it by other means, which are not looked at.
    """
    return hasattr(os, "getuid") and bool(home.folder.stat().st_mode & 0o022)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def _is_same(path: Path, other: Path) -> bool:
    """Return whether two paths lead to the same existing file or folder, or are equal."""
    try:
        return path == other or os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


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


def open_private(path: Path, mode: Literal["a", "x"]) -> TextIO:
    """Open a text file to append to ("a") or to create ("x").

    A file that does not exist yet is readable by its owner only, from its first moment on.
    """
    return open(path, mode, encoding="utf-8", opener=lambda name, flags: os.open(name, flags, PRIVATE_FILE))


def write_private(path: Path, data: bytes) -> None:
    """Replace a file in any folder atomically, readable by its owner only."""
    import tempfile

    # mkstemp creates the file with the mode PRIVATE_FILE.
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
