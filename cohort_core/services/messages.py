"""Commands about messages that leave the school: destinations, tests, and what became of messages."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cohort_core.clock import utc_now
from cohort_core.config import credentials
from cohort_core.errors import BadInput, NotAllowed
from cohort_core.services.principal import Principal
from cohort_core.services.reader import Reader
from cohort_core.services.workspace import Workspace
from cohort_core.store import destinations, outbox, spells
from cohort_core.store.audit import add_event
from cohort_core.store.destinations import NAMES, Destination, Names, Wanted
from cohort_core.store.outbox import Message

if TYPE_CHECKING:
    from cohort_core.notify.digest import Digest
    from cohort_core.services.messenger import Messenger, Sent

ROTATION = timedelta(hours=24)
"""For so long both secrets sign after a change."""
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f<>\",;:]{1,64}@[^@\s\x00-\x1f\x7f<>\",;:]{1,190}")


@dataclass(frozen=True)
class MessageCommands:
    """The actions of a person on their messages.

    Administrators without an account see all destinations of the home.
    """

    _workspace: Workspace = field(repr=False)
    principal: Principal

    def __post_init__(self) -> None:
        """Raise ``NotAllowed`` for a principal that may only read."""
        if not self.principal.may_act:
            raise NotAllowed("This takes the role mentor. Ask an administrator for it.")

    @property
    def _messenger(self) -> Messenger:
        return self._workspace.messages.messenger()

    # What there is

    def destinations(self) -> list[Destination]:
        """Return the destinations that the person may change."""
        every = destinations.load_destinations(self._workspace.database)
        if self.principal.account_id is not None:
            own = [item for item in every if item.account_id == self.principal.account_id]
            # Those of the time before accounts belong to the school.
            school = [item for item in every if item.account_id is None and self.principal.may_administer]
            return school + own
        return every if self.principal.may_administer else []

    def find(self, reference: str | int) -> Destination:
        """Return a destination by its number or name. Raises ``BadInput``."""
        seen = self.destinations()
        named = [
            item
            for item in seen
            if item.id == reference or item.name.casefold() == str(reference).strip().casefold()
        ]
        if len(named) > 1:
            raise BadInput("Several destinations have this name. Use the number.", parameter="name")
        if not named:
            raise BadInput(
                "There is no such destination. The list of destinations has all.", parameter="name"
            )
        return named[0]

    def messages(self, reference: str | int, limit: int = 10) -> list[Message]:
        """Return the latest messages to a destination, newest first."""
        return outbox.load_messages(self._workspace.database, self.find(reference).id, limit)

    @property
    def most_names(self) -> Names:
        """The most of students' names that this person may choose."""
        if self.principal.may_administer:
            return "full"
        return self._workspace.settings().message_names if self.principal.may_see_names else "pseudonym"

    @property
    def public_url(self) -> str | None:
        """The address from which links are made; None without one."""
        return self._workspace.settings().public_url

    # Changes

    def add(
        self, wanted: Wanted, address: Mapping[str, Any], *, show: Callable[[str], None] | None = None
    ) -> tuple[Destination, str | None]:
        """Add a destination; return it, and the secret of a webhook.

        Nobody can read the secret again.

        ``address`` has ``url``, or for an email ``email``, ``host``, ``port``, ``security``, ``sender``,
        ``user`` and ``password``. ``show`` prints the secret; if that fails, nothing is added. Raises
        ``BadInput``.
        """
        self._check(wanted)
        kept, secret = self._checked_address(wanted, address)
        if wanted.class_ids is not None:
            reader = Reader(self._workspace, self.principal)
            class_ids = [reader.find_class(reference) for reference in wanted.class_ids]
            wanted = Wanted(**{**vars(wanted), "class_ids": class_ids})
        reference = secrets.token_hex(12)
        database, home = self._workspace.database, self._workspace.home
        if not database.exists:
            database.migrate()
        is_first_webhook = wanted.kind == "webhook" and not destinations.has_destinations(
            database, ["webhook"]
        )
        credentials.save_address(home, reference, kept)
        try:
            with database.writing() as connection:
                number = destinations.add_destination(
                    connection,
                    wanted,
                    account_id=self.principal.account_id,
                    who=self.principal.actor,
                    secret_ref=reference,
                    now=utc_now(),
                )
                if is_first_webhook:
                    spells.begin_anew(connection)
                what = f"{number} ({wanted.kind}), {wanted.names}"
                add_event(connection, self.principal.who, "destination added", what)
                if secret is not None and show is not None:
                    show(secret)
        except BaseException:
            credentials.delete_address(home, reference)
            raise
        if is_first_webhook:
            # What is so now is no event; the next sync is compared with it.
            self._workspace.messages.step()
        return self.find(number), secret

    def change(
        self,
        reference: str | int,
        *,
        names: str | None = None,
        at: str | None = None,
        days: Sequence[str] | None = None,
        is_on: bool | None = None,
    ) -> Destination:
        """Change names, time, days or state of a destination. Raises ``BadInput``."""
        present = self.find(reference)
        wanted = Wanted(
            present.name,
            present.kind,
            names=names or present.names,
            at=at or present.at,
            days=present.days if days is None else tuple(days),
        )
        if wanted.names != present.names:
            self._check(wanted)
        now_on = present.is_on if is_on is None else is_on
        with self._workspace.database.writing() as connection:
            destinations.change_destination(
                *(connection, present.id, utc_now()),
                names=wanted.names,
                at=wanted.at,
                days=wanted.days,
                is_on=now_on,
            )
            what = f"{present.id} ({present.kind}), {wanted.names}, {'on' if now_on else 'off'}"
            add_event(connection, self.principal.who, "destination changed", what)
        return self.find(present.id)

    def remove(self, reference: str | int) -> Destination:
        """Remove a destination with its address and all that waits for it."""
        present = self.find(reference)
        with self._workspace.database.writing() as connection:
            destinations.remove_destination(connection, present.id)
            what = f"{present.id} ({present.kind})"
            add_event(connection, self.principal.who, "destination removed", what)
        credentials.delete_address(self._workspace.home, present.secret_ref)
        return present

    def rotate_secret(self, reference: str | int, *, show: Callable[[str], None] | None = None) -> str:
        """Give a webhook a new secret and return it.

        For a day the one of before signs as well.
        """
        present = self.find(reference)
        if present.kind != "webhook":
            raise BadInput("Only a webhook has a secret.", parameter="name")
        from cohort_core.notify import webhook

        home = self._workspace.home
        address = credentials.load_address(home, present.secret_ref)
        secret = webhook.new_secret()
        if show is not None:
            show(secret)
        until = (utc_now() + ROTATION).isoformat()
        new = {"secret": secret, "old_secret": address["secret"], "old_until": until}
        credentials.save_address(home, present.secret_ref, address | new)
        with self._workspace.database.writing() as connection:
            add_event(connection, self.principal.who, "destination secret changed", f"{present.id}")
        return secret

    # Sending

    def preview(self, reference: str | int) -> Digest:
        """Return the digest that would be sent now."""
        return self._messenger.preview(self.find(reference)).digest

    def send_test(self, reference: str | int) -> Sent:
        """Send a message without students now, once."""
        destination = self.find(reference)
        if not destination.is_on:
            raise BadInput("It is switched off. Switch it on first.", parameter="name")
        with self._workspace.database.writing() as connection:
            what = f"{destination.id} ({destination.kind})"
            add_event(connection, self.principal.who, "destination tested", what)
        return self._messenger.send_test(destination)

    def send_digests(self, reference: str | int | None = None) -> list[Sent]:
        """Send today's digest now: to one destination, or to all whose day it is."""
        if reference is not None:
            destination = self.find(reference)
            if not destination.gets_digests:
                raise BadInput(
                    "A webhook gets events, no digest. Choose another destination.", parameter="name"
                )
            return self._messenger.send_digests([destination], any_day=True)
        wanted = [item for item in self.destinations() if item.gets_digests]
        return self._messenger.send_digests(wanted)

    def send_again(self, reference: str | int, message_id: int) -> Message:
        """Send a message again that failed or was perhaps sent."""
        destination = self.find(reference)
        outbox.load_message(self._workspace.database, destination.id, message_id)
        with self._workspace.database.writing() as connection:
            outbox.send_again(connection, message_id, utc_now())
            what = f"{message_id}, destination {destination.id} ({destination.kind})"
            add_event(connection, self.principal.who, "message sent again", what)
        self._messenger.deliver()
        return outbox.load_message(self._workspace.database, destination.id, message_id)

    # Rules

    def _check(self, wanted: Wanted) -> None:
        if NAMES.index(wanted.names) > NAMES.index(self.most_names):
            raise BadInput(
                "An administrator has not allowed that names of students leave the school. Choose invented "
                "names, or ask an administrator.",
                parameter="names",
            )
        if wanted.allow_private and not self.principal.may_administer:
            raise BadInput(
                "Only an administrator may send to an address inside a private network.",
                parameter="allow_private",
            )

    def _checked_address(
        self, wanted: Wanted, address: Mapping[str, Any]
    ) -> tuple[dict[str, Any], str | None]:
        """Return what is kept of an address, and the new secret of a webhook."""
        from cohort_core.notify import webhook
        from cohort_core.notify.network import parse_url

        if wanted.kind == "email":
            return self._checked_mail(address), None
        url = str(address.get("url") or "").strip()
        self._refuse_own_computer(parse_url(url).host, "url")
        if wanted.kind != "webhook":
            return {"url": url}, None
        secret = webhook.new_secret()
        return {"url": url, "secret": secret}, secret

    def _checked_mail(self, address: Mapping[str, Any]) -> dict[str, Any]:
        from cohort_core.notify import mail
        from cohort_core.notify.network import is_loopback_name

        security = str(address.get("security") or "starttls")
        if security not in mail.SECURITY:
            raise BadInput(f"Choose one of: {', '.join(mail.SECURITY)}.", parameter="security")
        host = str(address.get("host") or "").strip()
        if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", host):
            raise BadInput("Name the mail server, such as smtp.example.org.", parameter="host")
        if security == "none" and not is_loopback_name(host):
            raise BadInput("A mail server elsewhere is used with TLS only.", parameter="security")
        self._refuse_own_computer(host, "host")
        port = address.get("port") or mail.PORTS[security]
        if not isinstance(port, int) or not 0 < port < 65536:
            raise BadInput("A port is a number from 1 to 65535.", parameter="port")
        kept: dict[str, Any] = {"host": host, "port": port, "security": security}
        for name, value in (
            ("email", address.get("email")),
            ("sender", address.get("sender") or address.get("email")),
        ):
            kept[name] = str(value or "").strip()
            if not _EMAIL.fullmatch(kept[name]):
                raise BadInput("Write one email address, such as kim@example.org.", parameter=name)
        if address.get("user"):
            kept |= {"user": str(address["user"]), "password": str(address.get("password") or "")}
        return kept

    def _refuse_own_computer(self, host: str, parameter: str) -> None:
        """Let only administrators reach the computer that this program runs on."""
        from cohort_core.notify.network import is_loopback_name

        if is_loopback_name(host) and not self.principal.may_administer:
            raise BadInput("Only an administrator may send to this computer itself.", parameter=parameter)
