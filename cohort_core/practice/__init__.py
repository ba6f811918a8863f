"""The practice school: an HTTP server that speaks the OpenClass API, with invented people.

It gives a newcomer something real to sync before they have credentials, and the tests an upstream
that can be made to misbehave. Everybody in it is invented; so are the credentials below, which are
printed by the server and protect nothing.

    school.py     what the server needs of a school, and ``MemorySchool``, which tests change at will
    generated.py  ``PracticeSchool``: three bootcamp classes and three real ones, with time passing,
                  made by bootcamp.py (with curricula.py and people.py) and oulad.py out of the
                  histories of history.py
    faults.py     what can go wrong on the way, switchable while the server runs
    server.py     the HTTP side, ``running`` for tests and ``serve`` for the command line
"""

from __future__ import annotations

EMAIL = "mentor@practice.example"
PASSWORD = "practice"  # noqa: S105 (printed by the server, protects nothing)
APP_ID = "practice-school"
ORIGIN = "https://classroom.practice.example"
DEFAULT_PORT = 8765
DEFAULT_SEED = 7
DEFAULT_DAY = 90
DEFAULT_PAGE_CAP = 200
DEFAULT_TOKEN_DAYS = 30
