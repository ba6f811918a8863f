"""The backups in the data folder, and advice for a lost or damaged database."""

from __future__ import annotations

import shlex
from pathlib import Path

from cohort_core.config.paths import Home


def latest_backup(home: Home) -> Path | None:
    """Return the latest backup in the folder of backups, None if there is none."""
    copies = [path for path in home.backups.glob("*.db") if path.is_file()] if home.backups.is_dir() else []
    return max(copies, key=lambda path: path.stat().st_mtime, default=None)


def has_database(home: Home) -> bool:
    """Return True if the database is there and not an empty file."""
    try:
        return home.database.stat().st_size > 0
    except OSError:
        return home.database.exists()


def describe_loss(home: Home) -> str | None:
    """Say that the database is lost, and what to do.

    None if it is there, or if there never was one.
    """
    backup = latest_backup(home)
    if has_database(home) or not (backup or home.guarded.exists() or home.config.exists()):
        return None
    state = "is an empty file" if home.database.exists() else "is missing"
    if backup:
        put_back = f"Put the last backup back: `{restore_command(backup)}`."
    else:
        put_back = (
            "There is no backup in the data folder; put one from elsewhere back with "
            "`cohort-tracker restore FILE`."
        )
    return (
        f"The database {home.database} {state}. {put_back} To begin anew instead, run `cohort-tracker init` "
        "and `cohort-tracker sync`: they bring back neither roster nor hidden students, notes and tokens."
    )


def restore_advice(home: Home) -> str:
    """Say how to replace a damaged database, by the last backup if possible."""
    backup = latest_backup(home)
    if backup:
        command = restore_command(backup)
        return f"Put the last backup back, which keeps the damaged database beside it: `{command}`."
    path = shlex.quote(str(home.database))
    return (
        "There is no backup in the data folder. Put one from elsewhere back with `cohort-tracker restore "
        f"FILE`. Without any, move the database away with `mv {path} "
        f"{shlex.quote(f'{home.database}.damaged')}` and run `cohort-tracker init` and `cohort-tracker "
        "sync`: they read everything of OpenClass again, but no roster, no hidden students and no tokens."
    )


def restore_command(backup: Path) -> str:
    """Return the command that puts a backup back, to be pasted into a terminal."""
    return f"cohort-tracker restore {shlex.quote(str(backup))}"
