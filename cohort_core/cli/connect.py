"""Commands that connect to a school and choose classes."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cohort_core import errors
from cohort_core.cli import common

if TYPE_CHECKING:
    from cohort_core.imports.rust_tool_settings import RustToolSettings
    from cohort_core.store.classes import ListedClass

commands = typer.Typer()
References = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids or friendly ids of classes.")]


@commands.command()
def init(
    school: Annotated[
        str | None,
        typer.Option(help="A school known by name, such as Code:You: then email and password are enough."),
    ] = None,
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
    from_rust_tool: Annotated[
        bool,
        typer.Option("--from-rust-tool", help="Use the email and password in ~/.cohort-tracker.toml."),
    ] = False,
    classes: Annotated[
        str | None, typer.Option(help="Classes to make active: all, or ids separated by commas.")
    ] = None,
) -> None:
    """Connect to your school: log in, list classes, keep the settings, choose active classes."""
    from cohort_core.config.paths import is_open_to_others
    from cohort_core.config.settings import load_settings

    admin = common.admin()
    earlier = _login_of_rust_tool(from_rust_tool, email)
    if earlier:
        email, api_base = email or earlier.email, api_base or earlier.api_base
    settings = load_settings(admin.home, api_base=api_base, app_id=app_id, origin=origin, email=email)
    origin, app_id = _choose_school(school, settings.origin, settings.app_id)
    password = _read_password() if password_stdin else None
    if password is None and settings.password is not None:
        password = settings.password.get_secret_value()
    if password is None and earlier and settings.email == earlier.email:
        password = earlier.password
    listed, place = admin.connect(
        api_base=settings.api_base,
        app_id=app_id or _ask("Application id", "--app-id"),
        origin=origin or _ask("Class site (origin)", "--origin"),
        email=settings.email or _ask("Email", "--email"),
        password=password or _ask("Password", "--password-stdin", hidden=True),
    )
    typer.echo(f"Connected. The password is kept in {place}.")
    if is_open_to_others(admin.home):
        typer.echo(
            f"Others on this computer can write into {admin.home.folder}, and so change where your "
            f"password goes. Run `chmod 700 {shlex.quote(str(admin.home.folder))}`.",
            err=True,
        )
    if earlier:
        typer.echo(
            f"{earlier.path} still holds it in plain text: delete that file when you use the tool no more."
        )
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
    if all_:
        try:
            common.admin().refresh_classes()
        except (errors.UpstreamError, errors.NotConnected) as error:
            common.complain(f"{error.message} These are the classes known so far.")
    statuses = common.sync_reader().statuses(active_only=not all_)
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


def _login_of_rust_tool(is_wanted: bool, email: str | None) -> RustToolSettings | None:
    """Return the login of the Rust tool if the mentor wants it.

    Asks on a terminal. Raises ``BadInput`` if the mentor wants it and there is none.
    """
    from cohort_core.imports.rust_tool_settings import FILE_NAME, find_settings

    earlier = find_settings()
    if is_wanted and earlier is None:
        raise errors.BadInput(
            f"There is no ~/{FILE_NAME} with an email in it. Leave --from-rust-tool out.",
            parameter="from_rust_tool",
        )
    if is_wanted or earlier is None or email or os.environ.get("COHORT_EMAIL"):
        return earlier if is_wanted else None
    if common.is_terminal():
        is_wanted = typer.confirm(f"Use the login of {earlier.email} in {earlier.path}, from the Rust tool?")
        return earlier if is_wanted else None
    typer.echo(f"{earlier.path} has the login of the Rust tool; --from-rust-tool uses it.", err=True)
    return None


def _choose_school(name: str | None, origin: str | None, app_id: str | None) -> tuple[str | None, str | None]:
    """Return origin and application id, given or of a known school.

    Asks on a terminal if neither is given. Raises ``BadInput`` for an unknown name.
    """
    schools = common.admin().schools()
    if name is None and not (origin or app_id) and common.is_terminal():
        typer.echo(f"Schools known by name: {', '.join(schools)}.")
        name = typer.prompt("Your school (Enter for another one)", default="", show_default=False)
    if not name:
        return origin, app_id
    by_name = {label.casefold(): school for label, school in schools.items()}
    school = by_name.get(name.strip().casefold())
    if school is None:
        raise errors.BadInput(
            f"No school of this name is known. Known are: {', '.join(schools)}; for others give --origin and "
            "--app-id.",
            parameter="school",
        )
    return school.origin, school.app_id


def _ask(name: str, option: str, *, hidden: bool = False) -> str:
    """Ask for a value on a terminal.

    Raises ``BadInput`` if there is no terminal, with the option that gives the value.
    """
    if not common.is_terminal():
        raise errors.BadInput(f"{name} is missing. Give it with {option}.", parameter=option)
    answer: str = typer.prompt(name, hide_input=hidden)
    return answer.strip()


def _read_password() -> str:
    password = (sys.stdin.readline() if sys.stdin else "").rstrip("\r\n")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise errors.BadInput(
            "What is on standard input is no password: it holds bytes that are no text. Pipe it in as UTF-8.",
            parameter="password",
        ) from None
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
        if not common.is_terminal() or not listed:
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
