"""Commands that serve the dashboard and the API, also over a practice school."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from cohort_core import errors
from cohort_core.cli import common
from cohort_core.cli.common import Port
from cohort_core.cli.sync import print_result, progress_bar

MINUTES_A_DAY = 24 * 60

commands = typer.Typer()


@commands.command()
def serve(
    host: Annotated[
        str,
        typer.Option(help="Another address than this computer's own needs accounts, or tokens for the API."),
    ] = "127.0.0.1",
    port: Port = 3000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A name by which others may ask, such as a proxy's; needs accounts or tokens."),
    ] = None,
    sync_every: Annotated[
        str | None, typer.Option(help="Sync by itself so often, such as 30m or 2h (setting: sync_every).")
    ] = None,
    ssl_certfile: Annotated[
        Path | None, typer.Option(help="A certificate in PEM; with it, everything is served over TLS.")
    ] = None,
    ssl_keyfile: Annotated[
        Path | None, typer.Option(help="Its key, if the file of the certificate does not hold it.")
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="The address of a proxy with TLS; its headers about client and scheme are believed."
        ),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let people at other computers sign in without TLS.")
    ] = False,
    open_: Annotated[
        bool, typer.Option("--open", help="Let this computer in, if tokens or accounts of before are lost.")
    ] = False,
) -> None:
    """Serve the dashboard at /dashboard and the API at /, to this computer by default."""
    # Until `server.begin_collecting`.
    gc.disable()
    from cohort_core import server
    from cohort_core.services.workspace import shared_workspace
    from cohort_core.sync.scheduler import parse_interval

    door = server.Door(ssl_certfile, ssl_keyfile, tuple(trusted_proxy or ()), insecure)
    workspace = shared_workspace()
    workspace.home.require_writable()
    wanted = sync_every or workspace.settings().sync_every
    every = parse_interval(wanted) if wanted else None
    if open_:
        common.admin().open_again()
    listener = server.listen(workspace, host, port)
    # What is wrong with a database is said on every page too.
    try:
        common.refuse_lost_database()
    except errors.CohortError as error:
        typer.echo(error.message, err=True)
    with suppress(errors.CohortError):
        if common.admin().is_closed():
            typer.echo(
                "The tokens or accounts of before are lost, so dashboard and API are closed. Make new ones "
                "with `cohort-tracker account create` or `cohort-tracker token create`, or start with "
                "--open.",
                err=True,
            )
    # Requests may also name the host that the server listens at.
    hosts = [*(allow_host or ()), host]
    server.serve(workspace, listener, hosts=hosts, door=door, sync_every=every, say=typer.echo)
    typer.echo("Stopped. All data is kept; `cohort-tracker serve` starts it again.")


@commands.command()
def demo(
    port: Port = 3000,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", envvar="NO_BROWSER", help="Do not open the browser.")
    ] = False,
    days_a_minute: Annotated[
        float,
        typer.Option(min=0, max=60, help="Let so many days pass in a minute, to see what comes of messages."),
    ] = 0,
) -> None:
    """Look around: a practice school with invented people, synced and served.

    Nothing of yours is touched.

    Its data is kept in COHORT_HOME if that is set and holds no other school, else until the end of the demo.
    """
    with _demo_home(is_passing=bool(days_a_minute)):
        from cohort_core import clock, server
        from cohort_core.api.app import DASHBOARD_PATH
        from cohort_core.services.workspace import shared_workspace

        workspace = shared_workspace()
        workspace.home.require_writable()
        listener = server.listen(workspace, "127.0.0.1", port)
        typer.echo("Starting the practice school and syncing it …")
        admin = common.admin()
        listed = admin.use_practice_school()
        # The others, such as the replayed courses, can be switched on under Classes.
        admin.set_active([item.id for item in listed if item.is_published is not False], active=True)
        job = common.commands().prepare_sync()
        with progress_bar(job, is_wanted=True):
            result = job.run()
        print_result(result)
        if not no_browser:
            _open_soon(f"http://127.0.0.1:{listener.getsockname()[1]}{DASHBOARD_PATH}")
        if days_a_minute:
            # Only now, so that the first sync does not last for days.
            clock.run_faster(days_a_minute * MINUTES_A_DAY)
        server.serve(workspace, listener, say=typer.echo)
        typer.echo("The demo has ended. Nothing of yours was touched.")


@commands.command("practice-server")
def practice_server(
    port: Port = 8765,
    day: Annotated[int, typer.Option(help="The day of the course that today is, in the real classes.")] = 90,
    seed: Annotated[int, typer.Option(help="Another number makes other people.")] = 7,
    page_cap: Annotated[int, typer.Option(min=1, help="Most rows a page.")] = 200,
    token_days: Annotated[float, typer.Option(help="Life of a token in days.")] = 30.0,
    faults: Annotated[bool, typer.Option(help="Let POST /practice/faults make it misbehave.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Serve the classes of this JSON file, also as it changes."),
    ] = None,
) -> None:
    """Run the practice school, a server that speaks OpenClass's API, until Ctrl-C."""
    from cohort_core.config.settings import load_settings
    from cohort_core.practice.server import serve as serve_school

    timezone = load_settings(common.home()).default_timezone
    serve_school(
        port,
        day=day,
        seed=seed,
        page_cap=page_cap,
        token_days=token_days,
        faults=faults,
        timezone=timezone,
        data=data,
    )


def _open_soon(address: str) -> None:
    import threading
    import webbrowser

    threading.Timer(1.0, webbrowser.open, [address]).start()


@contextmanager
def _demo_home(*, is_passing: bool = False) -> Iterator[None]:
    """Set COHORT_HOME to a temporary folder, unless it is set and can hold the demo.

    A home with a real school is never used, and none at all if time passes faster, as its syncs would lie
    in the future later.
    """
    from cohort_core.config.settings import load_settings

    home = common.home()
    if (
        "COHORT_HOME" in os.environ
        and not is_passing
        and (not home.config.exists() or load_settings(home).practice)
    ):
        yield
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="cohort-tracker-demo-") as folder:
        os.environ["COHORT_HOME"] = folder
        yield
