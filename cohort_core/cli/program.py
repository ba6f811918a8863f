"""The command line.

Most imports are inside the commands, so that each command starts fast.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cohort_core import errors
from cohort_core.cli import stopping
from cohort_core.cli.common import complain, home
from cohort_core.cli.exit_codes import EXIT_CODES, UNEXPECTED

COMMANDS = {
    "connect": ("init", "classes", "activate", "deactivate"),
    "sync": ("sync", "status", "cancel"),
    "classes": ("class",),
    "maintenance": ("quarantine", "backup", "restore", "purge", "doctor"),
    "imports": ("import",),
    "export": ("export", "report"),
    "serve": ("serve", "demo", "practice-server"),
    "contacts": ("contact", "draft", "student-file", "handover", "handover-note"),
    "messages": ("digest", "destination", "practice-receiver"),
    "tokens": ("token", "audit"),
    "accounts": ("account",),
    "student_links": ("student-link",),
}
"""The modules with commands, in the order of the help."""

HELP = """
Shows a coding mentor who needs a message today, and which assignment to teach again.

Start with `cohort-tracker demo` to look around in a practice school, or with `cohort-tracker init` to
connect to your own school at OpenClass.ai; then `cohort-tracker sync` and `cohort-tracker serve`.
"""

EPILOG = """
**Settings** live in the folder COHORT_HOME (default: this platform's user data folder): `config.toml`,
`cohort.db`, logs. The environment goes over the file: COHORT_API_BASE, COHORT_APP_ID, COHORT_ORIGIN,
COHORT_EMAIL, COHORT_PASSWORD, COHORT_TIMEZONE, COHORT_SYNC_RATE (requests a second, 0 for no limit),
COHORT_ANONYMOUS (1: pseudonyms everywhere), COHORT_SYNC_EVERY (30m), COHORT_PUBLIC_URL (the address under
which people open this), COHORT_MENTOR_NAME (your name below messages), COHORT_STUDENT_PAGE (1: students
see their own progress), COHORT_STUDENT_NOTES (1: with your notes of messages and talks),
COHORT_THRESHOLDS__HIGH_GAP and the other thresholds of docs/metrics.md.

**Exit codes**: 0 done · 1 unexpected error · 2 wrong use or input · 65 database unusable · 66 unknown class ·
67 class not accessible · 68 no network · 69 OpenClass is down · 70 database newer than this program ·
71 another program holds the database or the settings · 72 the system refuses a file or folder · 73 a sync
would remove much, say --accept-removals · 74 some classes could not be synced · 75 a sync runs already · 76
OpenClass changed its format · 77 wrong email or password · 78 not connected, a bad setting, or something
not installed · 79 lines of an import wait for an answer or cannot be used · 130 stopped by you ·
143 stopped by another program.
"""


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        typer.echo(version("cohort-tracker"))
        raise typer.Exit


def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def modules_for(words: Sequence[str]) -> Iterable[str]:
    """Return the modules that a command line needs.

    It is a single one for a command, and all of them for the help. Typer works out the options of every
    command that it gets, which takes longer than most commands do.
    """
    command = next((word for word in words if not word.startswith("-")), None)
    return [module for module, names in COMMANDS.items() if command in names] or COMMANDS


def make_app(words: Sequence[str]) -> typer.Typer:
    """Make the command line, with the commands that these words need."""
    app = typer.Typer(
        help=HELP,
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(options)
    for module in modules_for(words):
        app.add_typer(import_module(f"cohort_core.cli.{module}").commands)
    return app


def run() -> None:
    """Run the command line. Print errors as one sentence and exit with their code."""
    try:
        _refuse_bytes(sys.argv[1:])
        make_app(sys.argv[1:])()
    except SystemExit as end:
        # A server ends well when it is stopped.
        code = stopping.exit_code() if end.code else None
        if code is None:
            raise
        typer.echo(stopping.sentence(sys.argv[1:]), err=True)
        _exit(code)
    except errors.CohortError as error:
        complain(error.message)
        _exit(EXIT_CODES[type(error)])
    except BrokenPipeError:
        # The reader of our output has closed it, as `head` does.
        _exit(UNEXPECTED)
    except OSError as error:
        complain(errors.refused_by_system(error).message)
        _exit(EXIT_CODES[errors.SystemRefused])
    except Exception as error:  # noqa: BLE001 - a mentor never sees a traceback
        complain(
            f"Something unexpected happened ({type(error).__name__}). Try again; if it stays so, report it "
            f"with the last lines of {_log_unexpected(error)}."
        )
        _exit(UNEXPECTED)


def _refuse_bytes(words: Sequence[str]) -> None:
    """Raise ``BadInput`` for words that are no text, which neither database nor terminal takes."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise errors.BadInput(
                "A word of the command holds bytes that are no text. Write it in UTF-8, and give a file "
                "another name."
            ) from None


def _exit(code: int) -> NoReturn:
    """Exit, and print nothing more.

    Output that cannot be written would fail again at the very end.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        sys.exit(code)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _log_unexpected(error: Exception) -> Path:
    """Log where an error happened, without its message, which may hold a student's data.

    Returns the path of the log.
    """
    import traceback
    from datetime import UTC, datetime

    from cohort_core.config.paths import open_private

    folder = home()
    lines = "".join(traceback.format_tb(error.__traceback__))
    with contextlib.suppress(OSError):
        folder.ensure()
        with open_private(folder.log, "a") as file:
            file.write(f"{datetime.now(UTC).isoformat()} {type(error).__name__}\n{lines}\n")
    return folder.log
