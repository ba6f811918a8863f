"""Names, emails, ids, notes and addresses where they must not be: every kind of message, with evil names.

Searched are all bytes that receivers got, the log, the database with its write-ahead log, the audit, and what
commands and the API say.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from cohort_core.clock import utc_now
from cohort_core.config.settings import Preferences
from cohort_core.errors import BadInput, NotAllowed
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.store.audit import load_events
from cohort_core.store.classes import set_active
from cohort_core.store.destinations import DAYS, EVENTS, Wanted, load_destinations
from cohort_core.store.maintenance import backup
from tests.notify.certificates import write_certificate
from tests.notify.conftest import EVIL, School
from tests.notify.receivers import Receiver
from tests.notify.test_mail import Box, mail_server

SECRET = "XSECRETX"
FIRST, LAST, MAIL, NOTE = "Canaryfirst", "Canarylast", "canary@mail.test", "Canarynote"
KINDS = ("slack", "discord", "teams", "webhook")


def disk(made: School, *, without: tuple[str, ...] = ()) -> bytes:
    """Return all bytes of the home, but for the files that hold addresses."""
    folder: Path = made.workspace.home.folder
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in without]
    return b"\n".join(file.read_bytes() for file in files)


def set_up(made: School, names: str, receiver: Receiver, port: int) -> None:
    made.names[0] = (f"{FIRST} <!channel>", f"{LAST} {EVIL}")
    made.sync()
    for kind in KINDS:
        made.add(kind, f"{receiver.url}/{kind}/{SECRET}", names=names, events=EVENTS)
    values = {
        "email": "kim@example.org",
        "host": "localhost",
        "port": port,
        "user": "kim",
        "password": "right",
    }
    made.messages.add(Wanted("mail", "email", names=names, days=DAYS), values)
    commands = Services(made.workspace).commands(CLI_OWNER)
    commands.add_contact(made.class_id, made.student_id(0), "met", note=NOTE, hide_days=0)
    for assignment in (0, 1):
        changed = made.row(0, assignment, 40 - assignment)
        changed["user"]["email"] = MAIL
        made.served.school.put_row(made.class_id, changed)


def send_everything(made: School) -> None:
    made.sync(full=True)
    made.add_row(0, 3, 0)
    made.sync()
    for item in made.messages.destinations():
        made.messages.send_test(item.id)
    made.messages.send_digests()
    made.messenger.step()


@pytest.mark.parametrize("names", ["pseudonym", "initial", "full"])
def test_nothing_is_where_it_must_not_be(
    made: School,
    receiver: Receiver,
    names: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    # The receiver's own log has what arrived.
    monkeypatch.setattr(logging.getLogger("mail.log"), "propagate", False)
    monkeypatch.setenv("COHORT_PUBLIC_URL", "https://tracker.example.org")
    certificate = write_certificate(tmp_path, "trusted", "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    box = Box()
    with mail_server(box, certificate, "starttls") as port:
        set_up(made, names, receiver, port)
        send_everything(made)
    paths = {request.path.split("/")[1] for request in receiver.requests}
    assert paths == set(KINDS)
    assert receiver.problems == []
    assert len(box.mails) == 2
    mails = "\n".join(
        str(part.get_content()) for mail in box.mails for part in mail.walk() if not part.is_multipart()
    ).encode()
    arrived = receiver.everything + mails + b"".join(box.raw)
    # What may arrive depends on the names that were chosen.
    assert (FIRST.encode() in arrived) == (names != "pseudonym")
    assert (LAST.encode() in arrived) == (names == "full")
    assert (made.student_id(0).encode() in arrived) == (names == "full")
    for never in (MAIL, NOTE, "secret.test"):
        assert never.encode() not in arrived, never
    webhooks = b"".join(request.body for request in receiver.requests if request.path.startswith("/webhook"))
    assert b"came_back" in webhooks
    assert FIRST.encode() not in webhooks
    for request in receiver.requests:
        if request.path.startswith("/slack"):
            assert "<!" not in json.dumps(request.json)
    # Here: the database has the student, but no content of a message and no address.
    assert made.value("SELECT count(*) FROM outbox WHERE body IS NOT NULL") == 0
    assert made.value("SELECT count(*) FROM outbox WHERE state NOT IN ('delivered', 'accepted')") == 0
    said = caplog.text + "\n".join(f"{event}" for event in load_events(made.workspace.database))
    said += json.dumps([vars(item) for item in made.messages.messages("slack")])
    for secret in (FIRST, LAST, MAIL, NOTE, SECRET, made.student_id(0), EVIL, "right"):
        assert secret not in said.replace("copyright", ""), secret
    stored = disk(made, without=("addresses.json",))
    for secret in (SECRET, "needs a message", "need a message", str(made.secret)):
        assert secret.encode() not in stored, secret
    file = tmp_path / "copy.db"
    backup(made.workspace.database, file, asked_by="test")
    for table in (b"kim@example.org", b"outbox_students", SECRET.encode()):
        assert table not in file.read_bytes() or table == b"outbox_students"
    assert made.workspace.home.addresses.stat().st_mode & 0o777 == 0o600
    for item in made.messages.destinations():
        made.messages.remove(item.id)
    assert SECRET not in made.workspace.home.addresses.read_text()


def test_purge_removes_what_waits_and_a_restore_brings_nothing_back(
    made: School, receiver: Receiver, tmp_path: Path
) -> None:
    made.sync()
    made.add("slack", f"{receiver.url}/slack", names="full")
    receiver.faults.extend([503, 503])
    made.messages.send_digests()
    copy = tmp_path / "copy.db"
    backup(made.workspace.database, copy, asked_by="test")
    assert made.value("SELECT count(*) FROM outbox WHERE body IS NOT NULL") == 1
    admin = Services(made.workspace).admin(CLI_OWNER)
    assert "outbox_students" in admin.student_file(made.student_id(0))
    admin.purge_student(made.student_id(0))
    assert made.value("SELECT count(*) FROM outbox") == 0
    assert b"First0" not in disk(made)
    receiver.faults.clear()
    made.messages.send_digests()
    assert b"First0" not in receiver.requests[-1].body
    assert b"First1" in receiver.requests[-1].body
    count = len(receiver.requests)
    admin.restore(copy)
    # Destinations and what was sent are those of now, so nothing is sent twice.
    assert [item.name for item in made.messages.destinations()] == ["slack"]
    assert made.messages.send_digests()[0].state == "sent_before"
    made.messenger.step()
    assert len(receiver.requests) == count


def test_accounts_have_destinations_of_their_own(made: School, receiver: Receiver) -> None:
    other = made.served.school.add_class("Other", rows=[])
    made.workspace.refresh_classes()
    set_active(made.workspace.database, [other], active=True)
    made.sync()
    services = Services(made.workspace)
    accounts = services.accounts(CLI_OWNER)
    accounts.create("boss", "admin")
    people = {}
    for name, role in (("ana", "mentor"), ("bo", "mentor"), ("vi", "viewer"), ("dee", "director")):
        classes = [made.class_id] if name == "ana" else [other]
        account = accounts.create(name, role, classes, password="correct horse battery")
        principal = services.account_principal(account.id)
        assert principal is not None
        people[name] = principal
    for name in ("vi", "dee"):
        with pytest.raises(NotAllowed):
            services.messages(people[name])
    ana, bo = services.messages(people["ana"]), services.messages(people["bo"])
    made.workspace.change_preferences(made.workspace.preferences(), asked_by="test")
    url = "https://hooks.example.org/x"
    mine, _ = ana.add(Wanted("mine", "slack"), {"url": url})
    theirs, _ = bo.add(Wanted("mine", "slack"), {"url": url})
    assert [item.id for item in ana.destinations()] == [mine.id]
    with pytest.raises(BadInput):
        ana.find(theirs.id)
    # Names only once an administrator allows it, and this computer never.
    with pytest.raises(BadInput):
        ana.add(Wanted("names", "slack", names="full"), {"url": url})
    with pytest.raises(BadInput):
        ana.add(Wanted("here", "slack"), {"url": f"{receiver.url}/slack"})
    with pytest.raises(BadInput):
        ana.add(Wanted("inside", "slack", allow_private=True), {"url": url})
    made.workspace.change_preferences(Preferences(message_names="initial"), asked_by="test")
    named, _ = ana.add(Wanted("names", "slack", names="initial"), {"url": url})
    assert "First0 L." in ana.preview(named.id).to_json()
    made.workspace.change_preferences(Preferences(message_names="pseudonym"), asked_by="test")
    assert "First0" not in ana.preview(named.id).to_json()
    # Another's class is in no digest.
    assert len(ana.preview(mine.id).students) == 3
    assert bo.preview(theirs.id).students == ()
    # A deleted person leaves no address.
    accounts.delete(accounts.find("bo").id)
    assert [item.id for item in load_destinations(made.workspace.database)] == [mine.id, named.id]
    assert theirs.secret_ref not in made.workspace.home.addresses.read_text()
    # A disabled person gets nothing.
    accounts.change(accounts.find("ana").id, is_active=False)
    messenger = made.messenger
    assert "may not sign in" in messenger.preview(mine).digest.headline
    assert messenger.make_digest_message(mine, utc_now()) is None
