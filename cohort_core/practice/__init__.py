"""The practice school: an HTTP server that speaks the OpenClass API, with invented people.

It gives a newcomer something real to sync before they have credentials. It gives the tests an upstream
that can be made to misbehave. Everybody in it is invented. So are the credentials below: the server
prints them, and they protect nothing.

    school.py     the interface of a school, and ``MemorySchool``, which tests change as they like
    generated.py  ``PracticeSchool``: three invented classes and three real ones, while time passes
    school_file.py  ``FileSchool``: the classes of a JSON file
    bootcamp.py   the three invented classes, with curricula.py (courses) and people.py (names)
    oulad.py      the three real classes, replayed
    history.py    a progression over time, and the row that upstream shows of it at an instant
    protocol.py   the calls of the OpenClass API
    faults.py     what can go wrong between school and client, switchable while the server runs
    app.py        the ASGI app: log of requests, faults, calls
    server.py     the HTTP server: ``running`` for tests, ``serve`` for the command line
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
