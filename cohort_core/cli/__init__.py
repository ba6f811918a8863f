"""The command line.

This module imports nothing, so that even Ctrl-C in the first instant ends quietly.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Print errors as one sentence and exit with their code."""
    code = 130
    try:
        from cohort_core.cli import stopping

        stopping.watch()
        from cohort_core.cli.program import run

        run()
    except KeyboardInterrupt:
        try:
            code = stopping.exit_code() or code
            print("Stopped before it began. Run the same command again when you like.", file=sys.stderr)
        except (NameError, OSError):
            pass
        sys.exit(code)
