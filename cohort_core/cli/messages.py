"""Commands for messages that leave the school: digests, and the destinations of digests and events."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cohort_core import errors
from cohort_core.cli import common
from cohort_core.cli.common import AsJson, ClassIds, Port
from cohort_core.cli.exit_codes import EXIT_CODES, PARTIAL

if TYPE_CHECKING:
    from cohort_core.services.messages import MessageCommands
    from cohort_core.services.messenger import Sent
    from cohort_core.store.destinations import Destination

commands = typer.Typer()
destination = typer.Typer(no_args_is_help=True, help="Places to which digests and events go.")
commands.add_typer(destination, name="destination")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a destination, or its number.")]

_STATES = {
    "delivered": "delivered",
    "accepted": "accepted; the receiver does the rest",
    "sent_before": "sent before today",
    "not_today": "not today",
    "off": "switched off",
    "waiting": "not sent yet, it is tried again",
    "sending": "being sent by another process",
    "perhaps_sent": "perhaps sent: no response came",
    "failed": "not taken",
    "dropped": "dropped, as it was too late",
}
_FINE = ("delivered", "accepted", "sent_before", "not_today", "off")


@commands.command()
def digest(
    to: Annotated[
        str | None, typer.Option("--to", metavar="NAME", help="One destination, on any day.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, and send nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send today's digest to all destinations whose day it is, each once a day.

    For cron, where nothing serves; `cohort-tracker serve` sends digests by itself.
    """
    common.refuse_lost_database()
    messages = _messages()
    if dry_run:
        _print_previews(messages, to, as_json=as_json)
        return
    sent = messages.send_digests(to)
    if as_json:
        rows = [
            {"destination": item.destination.name, "state": item.state, "answer": item.answer}
            for item in sent
        ]
        typer.echo(json.dumps(rows, allow_nan=False))
    for item in () if as_json else sent:
        typer.echo(_line_of(item))
    if not sent and not as_json:
        typer.echo("There is no destination for digests. Add one with `cohort-tracker destination add`.")
    sys.exit(_exit_code(sent))


@destination.command()
def add(
    name: Annotated[str, typer.Option(help="A name for it, such as team.")],
    kind: Annotated[str, typer.Option(help="slack, discord, teams, email or webhook.")],
    url: Annotated[
        str | None, typer.Option(help="The address of the webhook; - reads it from standard input.")
    ] = None,
    names: Annotated[
        str, typer.Option(help="How students are named there: pseudonym, initial or full.")
    ] = "pseudonym",
    class_id: ClassIds = None,
    at: Annotated[str, typer.Option(help="The local time of the digest.")] = "08:00",
    days: Annotated[str, typer.Option(help="The days of the digest.")] = "mon,tue,wed,thu,fri",
    timezone: Annotated[str | None, typer.Option(help="The time zone of --at (setting: timezone).")] = None,
    event: Annotated[
        list[str] | None, typer.Option(help="An event that a webhook gets; may stand several times.")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="The address may lie inside a private network.")
    ] = False,
    email: Annotated[str | None, typer.Option(help="Where an email goes.")] = None,
    smtp_host: Annotated[str | None, typer.Option(help="The mail server.")] = None,
    smtp_port: Annotated[int | None, typer.Option(help="Its port, by default that of the security.")] = None,
    smtp_security: Annotated[str, typer.Option(help="starttls, tls, or none on this computer.")] = "starttls",
    smtp_user: Annotated[str | None, typer.Option(help="The user name at the mail server.")] = None,
    smtp_password_stdin: Annotated[
        bool, typer.Option("--smtp-password-stdin", help="Read the password of it from standard input.")
    ] = False,
    sender: Annotated[str | None, typer.Option(help="The sender of emails, by default the receiver.")] = None,
) -> None:
    """Add a destination. The secret of a webhook is printed, once."""
    from cohort_core.store.destinations import DEFAULT_EVENTS, Wanted

    wanted = Wanted(
        *(name, kind, names, at),
        [day.strip().lower() for day in days.split(",") if day.strip()],
        *(timezone, class_id or None, event or DEFAULT_EVENTS, allow_private),
    )
    address: dict[str, Any] = {"url": _read_line() if url == "-" else url}
    if kind == "email":
        address = {
            "email": email,
            "host": smtp_host,
            "port": smtp_port,
            "security": smtp_security,
            "user": smtp_user,
            "password": _read_line() if smtp_password_stdin else None,
            "sender": sender,
        }
    messages = _messages()
    made, _secret = messages.add(wanted, address, show=_print_secret)
    typer.echo(f"Added {made.name}: {_described(made)}.", err=True)
    if made.gets_digests and messages.public_url is None:
        typer.echo(
            "Its messages have no links, as no address is set under which people open this: set "
            "COHORT_PUBLIC_URL or public_url.",
            err=True,
        )
    typer.echo(f"Try it with `cohort-tracker destination test {_quoted(made.name)}`.", err=True)


@destination.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the destinations, without their addresses."""
    common.refuse_lost_database()
    every = _messages().destinations()
    if as_json:
        from cohort_core.services.message_rows import destination_row

        typer.echo(json.dumps([destination_row(item) for item in every], allow_nan=False))
        return
    for item in every:
        state = "" if item.is_on else ", switched off"
        typer.echo(f"{item.id}  {item.name}: {_described(item)}{state}")
        if item.notice:
            typer.echo(f"    {item.notice}")
    if not every:
        typer.echo("There is no destination: nothing leaves the school.")


@destination.command()
def test(name: Name) -> None:
    """Send a message without students now, and say what came of it."""
    sent = _messages().send_test(_reference(name))
    typer.echo(_line_of(sent))
    sys.exit(_exit_code([sent]))


@destination.command()
def remove(name: Name) -> None:
    """Remove a destination, with its address and what waits for it."""
    removed = _messages().remove(_reference(name))
    typer.echo(f"Removed {removed.name}.")


@destination.command()
def on(name: Name) -> None:
    """Switch a destination on again."""
    typer.echo(f"Switched {_messages().change(_reference(name), is_on=True).name} on.")


@destination.command()
def off(name: Name) -> None:
    """Switch a destination off: nothing is sent there, and it is kept."""
    typer.echo(f"Switched {_messages().change(_reference(name), is_on=False).name} off.")


@destination.command("new-secret")
def new_secret(name: Name) -> None:
    """Print a new secret for a webhook.

    For a day the one of before signs as well.
    """
    _messages().rotate_secret(_reference(name), show=_print_secret)


@destination.command()
def deliveries(name: Name, as_json: AsJson = False) -> None:
    """List the last ten messages to a destination, and what became of each."""
    from cohort_core.services.message_rows import message_row

    rows = _messages().messages(_reference(name))
    if as_json:
        typer.echo(json.dumps([message_row(row) for row in rows], allow_nan=False))
        return
    for row in rows:
        answer = f" ({row.answer})" if row.answer else ""
        typer.echo(f"{row.id}  {row.made_at}  {row.kind}: {_STATES.get(row.state, row.state)}{answer}")
    if not rows:
        typer.echo("Nothing was sent there yet.")


@destination.command()
def redeliver(name: Name, number: Annotated[int, typer.Argument(help="The number of a message.")]) -> None:
    """Send a message again that failed or was perhaps sent."""
    message = _messages().send_again(_reference(name), number)
    typer.echo(f"{message.id}: {_STATES.get(message.state, message.state)}")


@commands.command("practice-receiver")
def practice_receiver(port: Port = 8766) -> None:
    """Run a page on this computer that draws the messages that arrive there, until Ctrl-C."""
    from cohort_core.practice.receiver import serve

    serve(port, say=typer.echo)


def _messages() -> MessageCommands:
    from cohort_core.services.principal import CLI_OWNER

    return common.services().messages(CLI_OWNER)


def _reference(name: str) -> str | int:
    return int(name) if name.isascii() and name.isdecimal() else name


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)


def _read_line() -> str:
    return sys.stdin.readline().rstrip("\r\n") if sys.stdin is not None else ""


def _print_secret(secret: str) -> None:
    typer.echo("The secret with which the receiver checks signatures. It is shown only once:", err=True)
    common.print_secret(secret)


def _described(item: Destination) -> str:
    if not item.gets_digests:
        return f"{item.kind}, {', '.join(item.events)}, {_NAMES[item.names]}"
    return f"{item.kind}, {item.at} on {', '.join(item.days)}, {_NAMES[item.names]}"


_NAMES: Mapping[str, str] = {
    "pseudonym": "invented names",
    "initial": "first names and initials",
    "full": "full names",
}


def _line_of(sent: Sent) -> str:
    answer = f" ({sent.answer})" if sent.answer and sent.state not in ("delivered", "off") else ""
    return f"{sent.destination.name}: {_STATES.get(sent.state, sent.state)}{answer}"


def _print_previews(messages: MessageCommands, to: str | None, *, as_json: bool) -> None:
    from cohort_core.notify.digest import plain_text

    wanted = [messages.find(_reference(to))] if to else messages.destinations()
    wanted = [item for item in wanted if item.gets_digests]
    if as_json:
        rows = {item.name: json.loads(messages.preview(item.id).to_json()) for item in wanted}
        typer.echo(json.dumps(rows, allow_nan=False))
        return
    for item in wanted:
        typer.echo(f"--- {item.name} ({item.kind}), not sent ---")
        typer.echo(plain_text(messages.preview(item.id)))
    if not wanted:
        typer.echo("There is no destination for digests. Add one with `cohort-tracker destination add`.")


def _exit_code(sent: Sequence[Sent]) -> int:
    """Return the exit code, as of a sync."""
    bad = [item for item in sent if item.state not in _FINE]
    if not bad:
        return 0
    if len(bad) < len(sent):
        return PARTIAL
    no_network = all((item.answer or "").startswith("no connection") for item in bad)
    return EXIT_CODES[errors.NoNetwork if no_network else errors.UpstreamDown]
