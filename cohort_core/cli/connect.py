"""Commands that connect to a school and choose classes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cohort_core import errors
from cohort_core.cli import common

if TYPE_CHECKING:
    from cohort_core.store.classes import ListedClass

commands = typer.Typer()
References = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids or friendly ids of classes.")]


@commands.command()
def init(
    api_base: Annotated[str | None, typer.Option(help="Address of the OpenClass API.")] = None,
    app_id: Annotated[
        str | None,
        typer.Option(
            help="The school's application id: request header X-OpenClass-App-Id of the class page."
        ),
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="The school's class site, e.g. https://class.example.org.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Your email at OpenClass.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    classes: Annotated[
        str | None, typer.Option(help="Classes to make active: all, or ids separated by commas.")
    ] = None,
) -> None:
    """Connect to your school: log in, list classes, keep the settings, choose active classes."""
    from cohort_core.config.settings import load_settings

    admin = common.admin()
    settings = load_settings(admin.home, api_base=api_base, app_id=app_id, origin=origin, email=email)
    password = _read_password() if password_stdin else None
    if password is None and settings.password is not None:
        password = settings.password.get_secret_value()
    listed, place = admin.connect(
        api_base=settings.api_base,
        app_id=settings.app_id or _ask("Application id", "--app-id"),
        origin=settings.origin or _ask("Class site (origin)", "--origin"),
        email=settings.email or _ask("Email", "--email"),
        password=password or _ask("Password", "--password-stdin", hidden=True),
    )
    typer.echo(f"Connected. The password is kept in {place}.")
    chosen = _choose_classes(listed, classes)
    admin.set_active(chosen, active=True)
    for item in listed:
        typer.echo(f"  {'*' if item.id in chosen else ' '} {item.friendly_id or item.id}  {item.name}")
    if chosen:
        typer.echo("Classes with * are active. Next: `cohort-tracker sync`, then `cohort-tracker serve`.")
    else:
        typer.echo("No class is active yet. Next: `cohort-tracker activate ID…`.")


@commands.command()
def classes(
    all_: Annotated[
        bool, typer.Option("--all", help="Also those that are not active, asking OpenClass anew.")
    ] = False,
) -> None:
    """List the active classes."""
    from cohort_core.store.classes import load_statuses

    if all_:
        try:
            common.admin().refresh_classes()
        except (errors.UpstreamError, errors.NotConnected) as error:
            common.complain(f"{error.message} These are the classes known so far.")
    statuses = load_statuses(common.database(), active_only=not all_)
    if not statuses:
        typer.echo(
            "No class is active. `cohort-tracker classes --all` lists all; choose with "
            "`cohort-tracker activate ID…`."
        )
    for status in statuses:
        mark = "*" if status.is_active else " "
        closed = f" (closed on {status.closed_on})" if status.closed_on else ""
        typer.echo(f"{mark} {status.id}  {status.friendly_id or '-'}  {status.name}{closed}")


@commands.command()
def activate(references: References) -> None:
    """Include classes in every sync."""
    _set_active(references, active=True)


@commands.command()
def deactivate(references: References) -> None:
    """Leave classes out of syncs. What was synced stays."""
    _set_active(references, active=False)


def _ask(name: str, option: str, *, hidden: bool = False) -> str:
    """Ask for a value on a terminal.

    Raises ``BadInput`` if there is no terminal, with the option that gives the value.
    """
    if not sys.stdin.isatty():
        raise errors.BadInput(f"{name} is missing. Give it with {option}.", parameter=option)
    answer: str = typer.prompt(name, hide_input=hidden)
    return answer.strip()


def _read_password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise errors.BadInput(
            "There is no password on standard input. Pipe it in, or leave --password-stdin out.",
            parameter="password",
        )
    return password


def _choose_classes(listed: Sequence[ListedClass], wanted: str | None) -> list[str]:
    """Return the ids of the classes to make active.

    Without ``wanted`` it takes the only class, or asks on a terminal. Raises ``UnknownClass``.
    """
    from cohort_core.sources import source_class

    if wanted is None:
        if len(listed) == 1:
            return [listed[0].id]
        if not sys.stdin.isatty() or not listed:
            return []
        for item in listed:
            typer.echo(f"  {item.friendly_id or item.id}  {item.name}")
        wanted = typer.prompt("Which classes are yours? (all, or ids separated by commas)")
    if wanted.strip().casefold() == "all":
        return [item.id for item in listed]
    by_name = {name: item.id for item in listed for name in (item.id, item.friendly_id) if name}
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in names:
        if name not in by_name:
            raise errors.UnknownClass(
                f"{source_class().info.label} lists no class {name!r} for you. Choose with "
                "`cohort-tracker activate ID…`; `cohort-tracker classes --all` lists all."
            )
    return [by_name[name] for name in names]


def _set_active(references: Sequence[str], *, active: bool) -> None:
    ids = common.admin().set_active(references, active=active)
    typer.echo(f"{'Active' if active else 'Not active'} now: {len(ids)} of the classes named.")
