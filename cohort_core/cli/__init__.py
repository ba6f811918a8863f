"""The command line.

This module imports nothing, so that even Ctrl-C in the first instant ends quietly.
"""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line. Print errors as one sentence and exit with their code."""
    try:
        from cohort_core.cli.program import run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
