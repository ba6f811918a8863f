"""The check-up of the data folder: writing, space, and programs that copy it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from cohort_core.config.paths import Home, try_to_write
from cohort_core.errors import refused_by_system
from cohort_core.formatting import size

MIN_FREE_BYTES = 200_000_000

# Begins of folder names, in lower case without blanks, by the service that copies such folders.
_SYNCED_NAMES = {
    "onedrive": "OneDrive",
    "dropbox": "Dropbox",
    "icloud": "iCloud",
    "mobiledocuments": "iCloud",
    "com~apple~clouddocs": "iCloud",
    "googledrive": "Google Drive",
    "mydrive": "Google Drive",
    "nextcloud": "Nextcloud",
    "owncloud": "ownCloud",
    "pcloud": "pCloud",
}
_ONEDRIVE_VARIABLES = ("OneDrive", "OneDriveConsumer", "OneDriveCommercial")
_NETWORK_TYPES = (
    "nfs",
    "cifs",
    "smb",
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.gvfsd",
    "afpfs",
    "9p",
    "davfs",
    "ceph",
)


@dataclass(frozen=True)
class Finding:
    """The result of checking one topic. ``advice`` is None if all is well."""

    topic: str
    result: str
    advice: str | None = None

    @property
    def is_well(self) -> bool:
        """True if there is nothing to do."""
        return self.advice is None

    def as_dict(self) -> dict[str, str | None]:
        """Return the fields of the command's JSON."""
        return {"what": self.topic, "told": self.result, "advice": self.advice}


def examine(home: Home) -> Iterator[Finding]:
    """Yield what is wrong with the folder; nothing if all is well."""
    place = next((path for path in (home.folder, *home.folder.parents) if path.exists()), home.folder)
    try:
        try_to_write(place)
    except OSError as error:
        refused = refused_by_system(OSError(error.errno, error.strerror, str(place)))
        yield Finding("folder", f"{home.folder} cannot be written", refused.message)
    disk = shutil.disk_usage(place)
    if disk.total and disk.free < MIN_FREE_BYTES:
        yield Finding(
            "disk",
            f"only {size(disk.free)} are free",
            f"Free some space on the disk of {shlex.quote(str(home.folder))}: syncs and backups need it.",
        )
    service = copying_service(home.folder)
    if service:
        yield Finding(
            "folder",
            f"{home.folder} lies {service}",
            "Files that are copied or locked while they are written can damage the database, and your "
            "students' data leaves this computer. End the program, move the folder to a disk of this "
            "computer, and set COHORT_HOME to it.",
        )


def copying_service(folder: Path) -> str | None:
    """Describe the service or network to which a folder belongs.

    Returns None if it belongs to this computer alone.
    """
    for path in {folder, Path(os.path.realpath(folder))}:
        for part in (*path.parts, *PureWindowsPath(path).parts):
            name = part.casefold().replace(" ", "")
            for begin, service in _SYNCED_NAMES.items():
                if name.startswith(begin):
                    return f"in a folder of {service}"
        for variable in _ONEDRIVE_VARIABLES:
            root = os.environ.get(variable)
            if root and path.is_relative_to(root):
                return "in a folder of OneDrive"
        for parent in (path, *path.parents):
            if (parent / ".dropbox").exists():
                return "in a folder of Dropbox"
            if (parent / ".stfolder").exists():
                return "in a folder of Syncthing"
        if str(path).startswith("\\\\") or _is_on_network(path):
            return "on a disk of the network"
    return None


def read_mount_point(text: str) -> str:
    """Return a mount point of /proc/mounts, where blanks are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _is_on_network(path: Path) -> bool:
    """Return True if the disk of a path belongs to another computer.

    Only Linux lists its mounts in a file; elsewhere the result is False.
    """
    try:
        lines = Path("/proc/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    kinds = {}
    for line in lines:
        _, point, kind, *_ = line.split(" ")
        kinds[Path(read_mount_point(point))] = kind
    for parent in (path, *path.parents):
        if parent in kinds:
            return kinds[parent].startswith(_NETWORK_TYPES)
    return False
