"""Makes processes that send messages for ever: ``python -m tests.notify.children HOME``.

It forks one for each line that it reads, so that imports take their time only once, prints its id, and waits
until it is killed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cohort_core.config.paths import Home
from cohort_core.services.messenger import Messenger
from cohort_core.services.workspace import Workspace


def send_for_ever() -> None:
    messenger = Messenger(Workspace(Home(Path(sys.argv[1]))))
    while True:
        messenger.step()


def main() -> None:
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            send_for_ever()
        print(child, flush=True)
        os.waitpid(child, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main()
