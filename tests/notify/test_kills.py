"""A process that sends is killed at any moment: nothing is lost, and nothing doubled by its id.

More kills than in every test run: DRILLS=all pytest tests/notify/test_kills.py
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

from cohort_core.clock import utc_now
from cohort_core.notify import webhook
from cohort_core.store import outbox
from tests.conftest import ALL_DRILLS
from tests.notify.conftest import School
from tests.notify.receivers import Receiver, wait_for

KILLS = 100 if ALL_DRILLS else 10
EVENTS = 8
"""New events before each kill."""


def test_kills_lose_nothing_and_double_nothing(made: School, receiver: Receiver) -> None:
    """Every event arrives, under one id; a digest goes out once, or shows as perhaps sent."""
    made.sync()
    hook = made.add("webhook", f"{receiver.url}/hook")
    team = made.add("slack", f"{receiver.url}/slack")
    database, chance = made.workspace.database, random.Random(27)
    expected: set[str] = set()
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.notify.children", str(made.workspace.home.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    for kill in range(KILLS):
        before = len(receiver.requests)
        digest = made.messenger.preview(team).digest.to_json()
        with database.writing() as connection:
            for _ in range(EVENTS):
                key, now = webhook.new_id(), utc_now()
                expected.add(key)
                body = webhook.payload("ping", {"kill": kill}, now)
                outbox.add_message(connection, hook.id, "ping", key, body, now)
            outbox.add_message(connection, team.id, "digest", f"day {kill}", digest, utc_now())
        parent.stdin.write("go\n")
        parent.stdin.flush()
        child = int(parent.stdout.readline())
        # From before the first attempt to after the last.
        goal = before + chance.randrange(EVENTS + 2)
        wait_for(lambda goal=goal: len(receiver.requests) >= goal)
        time.sleep(chance.random() * 0.01)
        os.kill(child, signal.SIGKILL)
        assert parent.stdout.readline() == "gone\n"
    parent.communicate()
    # Claims of the killed end by themselves.
    with database.writing() as connection:
        connection.execute("UPDATE outbox SET claimed_until = made_at WHERE state = 'sending'")
    deadline = time.monotonic() + 60
    while outbox.count_waiting(database) and time.monotonic() < deadline:
        made.messenger.step()
    ids = Counter(request.headers["webhook-id"] for request in receiver.requests if request.path == "/hook")
    assert set(ids) == expected, "lost"
    bodies = {
        (request.headers["webhook-id"], request.body)
        for request in receiver.requests
        if request.path == "/hook"
    }
    assert len(bodies) == len(expected), "a receiver that keeps ids has each event once"
    states = Counter(
        message.state for message in outbox.load_messages(database, team.id, 1000) if message.kind == "digest"
    )
    digests = sum(request.path == "/slack" for request in receiver.requests)
    assert set(states) <= {"delivered", "perhaps_sent"}
    assert states["delivered"] <= digests <= KILLS, "never twice"
    assert sum(states.values()) == KILLS
    doubled = sum(ids.values()) - len(ids)
    print(f"{KILLS} kills: {len(ids)} events, {doubled} sent again under their id; digests {dict(states)}")
