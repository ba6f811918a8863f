"""Commands for the tokens of programs, and for the audit."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cohort_core.cli import common
from cohort_core.cli.common import AsJson, ClassIds

if TYPE_CHECKING:
    from cohort_core.store.tokens import Token

commands = typer.Typer()
token = typer.Typer(no_args_is_help=True, help="Tokens with which programs ask the API.")
commands.add_typer(token, name="token")


@token.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for, such as ci.")],
    role: Annotated[
        str, typer.Option(help="viewer reads; mentor also syncs and writes notes; admin also does the rest.")
    ] = "viewer",
    class_id: ClassIds = None,
    expires: Annotated[
        str | None, typer.Option(help="Its life, such as 12h, 90d or 8w; default: until it is revoked.")
    ] = None,
) -> None:
    """Make a token and print it, this once.

    As soon as there is one, the API wants one for every request.
    """
    common.admin().create_token(name, role, class_id or None, expires, show=common.print_secret)
    typer.echo(
        "Keep it now, it cannot be shown again. Programs send it as `Authorization: Bearer …`; from now on "
        "the API answers nobody without a token.",
        err=True,
    )


@token.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the tokens, those that are revoked included. What they are is not kept."""
    common.refuse_lost_database()
    tokens = common.admin().tokens()
    if as_json:
        typer.echo(json.dumps([_token_row(item) for item in tokens], allow_nan=False))
        return
    for item in tokens:
        row = _token_row(item)
        classes = ", ".join(row["class_ids"]) if row["class_ids"] else "all classes"
        typer.echo(
            f"{item.name}  {item.role}, {classes}, {row['state']}, "
            f"last used {item.last_used_at or 'never'}, ends {item.expires_at or 'when it is revoked'}"
        )
    if not tokens and common.admin().is_closed():
        typer.echo("There is no token, and those of before are lost: dashboard and API are closed.")
    elif not tokens:
        typer.echo("There is no token, so the API answers this computer only, and without one.")


@token.command()
def revoke(name: Annotated[str, typer.Argument(help="The token's name.")]) -> None:
    """Let a token in no more, from this moment on."""
    common.admin().revoke_token(name)
    typer.echo(f"Revoked {name}.")


@commands.command()
def audit(
    limit: Annotated[int, typer.Option(min=1, max=2**53, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List exports, reports, backups, purges, changes of settings and tokens, the newest first."""
    common.refuse_lost_database()
    events = common.admin().events(limit)
    if as_json:
        typer.echo(json.dumps([asdict(event) for event in events], allow_nan=False))
        return
    for event in events:
        detail = f" ({event.detail})" if event.detail else ""
        typer.echo(f"{event.at}  {event.who}: {event.action}{detail}")


def _token_row(item: Token) -> dict[str, Any]:
    """Return the fields of a token for JSON, without its digest."""
    from cohort_core.clock import utc_now

    row = {name: value for name, value in asdict(item).items() if name != "digest"}
    state = "revoked" if item.revoked_at else "expired" if item.is_expired(utc_now()) else "live"
    return row | {"class_ids": sorted(item.class_ids) if item.class_ids else None, "state": state}
