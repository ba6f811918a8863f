"""Commands for the accounts of people, who sign in to the dashboard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cohort_core import errors
from cohort_core.cli import common
from cohort_core.cli.common import AsJson, ClassIds
from cohort_core.formatting import count

if TYPE_CHECKING:
    from cohort_core.services.account_commands import AccountCommands
    from cohort_core.store.accounts import Account

commands = typer.Typer()
account = typer.Typer(no_args_is_help=True, help="Accounts with which people sign in to the dashboard.")
commands.add_typer(account, name="account")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name with which the person signs in.")]
_ROLES = "viewer looks; mentor also syncs and writes notes; admin does all; director looks, without names."


@account.command()
def create(
    name: Name,
    role: Annotated[str, typer.Option(help=_ROLES)],
    class_id: ClassIds = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help="A class night or region to choose first; may stand several times."),
    ] = None,
    email: Annotated[
        str | None, typer.Option(help="The person's email; they can sign in with it too.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Make an account. Without a password, print a link with which the person sets one.

    From the first account on the dashboard asks everybody to sign in, and the API wants a token.
    """
    admin = _admin()
    is_first = not admin.accounts()
    password = _read_password() if password_stdin else None
    made = admin.create(name, role, class_id or None, email=email, groups=group or (), password=password)
    typer.echo(f"Made the account {made.name}: {_described(made)}.", err=True)
    if is_first:
        typer.echo(
            "It is the first one: from now on the dashboard asks everybody to sign in, and the API wants a "
            "token. `cohort-tracker account remove-all` takes that back.",
            err=True,
        )
    if password is None:
        _print_link(admin, made)


@account.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the accounts, those that are disabled included."""
    common.refuse_lost_database()
    people = _admin().accounts()
    if as_json:
        typer.echo(json.dumps([_row(item) for item in people], allow_nan=False))
        return
    for item in people:
        state = "active" if item.is_active else "disabled"
        typer.echo(f"{item.name}  {_described(item)}, {state}, last seen {item.last_seen_at or 'never'}")
    if not people:
        typer.echo("There is no account, so the dashboard is for this computer alone, without a login.")


@account.command()
def role(name: Name, role: Annotated[str, typer.Argument(metavar="ROLE", help=_ROLES)]) -> None:
    """Give an account another role. The person signs in again."""
    admin = _admin()
    typer.echo(f"{name}: {_described(admin.change(admin.find(name).id, role=role))}.")


@account.command()
def classes(
    name: Name,
    class_id: ClassIds = None,
    all_: Annotated[bool, typer.Option("--all", help="All classes, also later ones.")] = False,
) -> None:
    """Choose the classes that an account sees. The person signs in again."""
    if all_ == bool(class_id):
        raise errors.BadInput("Say which classes with --class-id, or --all.", parameter="class_id")
    admin = _admin()
    changed = admin.change(admin.find(name).id, references=None if all_ else class_id)
    typer.echo(f"{changed.name}: {_described(changed)}.")


@account.command()
def disable(name: Name) -> None:
    """Let a person in no more, from this moment on. What they noted stays."""
    admin = _admin()
    admin.change(admin.find(name).id, is_active=False)
    typer.echo(f"Disabled {name}. Open pages close now; `cohort-tracker account enable {name}` undoes it.")


@account.command()
def enable(name: Name) -> None:
    """Let a disabled person in again, with the password of before."""
    admin = _admin()
    admin.change(admin.find(name).id, is_active=True)
    typer.echo(f"Enabled {name}.")


@account.command()
def delete(name: Name) -> None:
    """Delete an account. What the person noted stays, and nobody else gets the name."""
    admin = _admin()
    admin.delete(admin.find(name).id)
    typer.echo(f"Deleted {name}.")


@account.command("reset-link")
def reset_link(
    name: Name,
    without_code: Annotated[
        bool, typer.Option("--without-code", help="Also switch the second factor off, if the phone is lost.")
    ] = False,
    unlink: Annotated[
        bool, typer.Option("--unlink", help="Also forget who it is at the school's own sign-in.")
    ] = False,
) -> None:
    """Print a link with which a person sets a new password. Earlier links end."""
    admin = _admin()
    person = admin.find(name)
    if unlink:
        admin.unlink(person.id)
    if without_code:
        admin.change(person.id, totp_secret=None)
    _print_link(admin, person)


@account.command()
def sessions(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Whose; without it everybody's.")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="End all of them now.")] = False,
) -> None:
    """List where people are signed in, or end all of it."""
    admin = _admin()
    person = None if name is None else admin.find(name)
    if end:
        ended = admin.end_all_sessions() if person is None else admin.end_sessions(person.id)
        typer.echo(f"Ended {count(ended, 'session')} of {person.name if person else 'everybody'}.")
        return
    names = {item.id: f"{item.name}  " for item in admin.accounts()} if person is None else {}
    for session in admin.sessions():
        if person is None or session.account_id == person.id:
            whose = names.get(session.account_id, "")
            typer.echo(f"{whose}{session.label}  since {session.opened_at}, last seen {session.seen_at}")


@account.command()
def oidc(
    issuer: Annotated[
        str | None,
        typer.Option(
            help="What the service calls itself, letter by letter, e.g. https://accounts.google.com."
        ),
    ] = None,
    client_id: Annotated[str | None, typer.Option(help="What the service calls this program.")] = None,
    client_secret_stdin: Annotated[
        bool, typer.Option("--client-secret-stdin", help="Read the client secret from standard input.")
    ] = False,
    button: Annotated[
        str | None, typer.Option(help="Whose sign-in it is, e.g. Google, for the button.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Let nobody in this way any more.")] = False,
) -> None:
    """Let people sign in with the school's own accounts, by OpenID Connect.

    Without options, show how it is set. The issuer is asked at once. Register the address that is printed
    there, for the way back.
    """
    admin = _admin()
    if off:
        admin.disconnect_school_sign_in()
    elif issuer is not None or client_id is not None:
        present = admin.school_sign_in()
        secret = _read_password() if client_secret_stdin else None
        admin.connect_school_sign_in(
            issuer or present.issuer or "", client_id or present.client_id or "", secret, button
        )
    present = admin.school_sign_in()
    if present.label is None:
        typer.echo("Nobody comes in by the school's own sign-in. Set --issuer and --client-id.")
    else:
        typer.echo(f"People can sign in with {present.label}, at {present.issuer}.")
    if present.redirect_uri is not None:
        typer.echo(f"Address for the way back: {present.redirect_uri}")


@account.command("remove-all")
def remove_all(
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it. The dashboard then asks nobody to sign in.")
    ] = False,
) -> None:
    """Remove all accounts, so that the dashboard is for this computer alone, without a login."""
    if not yes:
        raise errors.BadInput(
            "This removes all accounts, and whoever sits at this computer sees everything. Say --yes "
            "to do it.",
            parameter="yes",
        )
    removed = _admin().remove_all()
    typer.echo(
        f"Removed {count(removed, 'account')}. Start `cohort-tracker serve` again if it serves others."
    )


def _admin() -> AccountCommands:
    from cohort_core.services.principal import CLI_OWNER

    return common.services().accounts(CLI_OWNER)


def _print_link(admin: AccountCommands, person: Account) -> None:
    address = admin.address_of(admin.invite(person.id))
    typer.echo("A link to set the password, for seven days and once. Give it to the person alone:", err=True)
    common.print_secret(address)
    if not admin.has_public_address:
        typer.echo(
            "Where others open this under another address, put that before /invitation, and set it as "
            "COHORT_PUBLIC_URL or public_url.",
            err=True,
        )


def _read_password() -> str:
    import sys

    return sys.stdin.readline().rstrip("\r\n") if sys.stdin is not None else ""


def _described(item: Account) -> str:
    return f"{item.role}, {', '.join(sorted(item.class_ids)) if item.class_ids else 'all classes'}"


def _row(item: Account) -> dict[str, Any]:
    from cohort_core.services.account_commands import shown_fields

    return shown_fields(item)
