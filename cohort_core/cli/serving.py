"""Serving the dashboard and the API, also over a practice school."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cohort_core.cli import shared
from cohort_core.cli.shared import Port
from cohort_core.cli.syncing import progress_bar, tell

if TYPE_CHECKING:
    from datetime import timedelta

    from cohort_core.workspace import Workspace

commands = typer.Typer()


@commands.command()
def serve(
    host: Annotated[str, typer.Option(help="Loopback only, for now.")] = "127.0.0.1",
    port: Port = 3000,
    sync_every: Annotated[
        str | None, typer.Option(help="Sync by itself so often, such as 30m or 2h (setting: sync_every).")
    ] = None,
) -> None:
    """Serve the dashboard at /dashboard and the API at / on this computer."""
    from cohort_core.sync.schedule import parse_interval

    workspace = shared.workspace()
    wanted = sync_every or workspace.settings().sync_every
    _serve(workspace, host, port, sync_every=parse_interval(wanted) if wanted else None)


@commands.command()
def demo(
    port: Port = 3000,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", envvar="NO_BROWSER", help="Do not open the browser.")
    ] = False,
) -> None:
    """Look around: a practice school with invented people, synced and served. Nothing of yours is touched.

    Its data is kept in COHORT_HOME if that is set and holds no other school, else until the end of the demo.
    """
    with _demo_home():
        workspace = shared.workspace()
        from cohort_core.server import listen
        from cohort_core.store.classes import set_active

        listener = listen("127.0.0.1", port)
        typer.echo("Starting the practice school and syncing it …")
        listed = workspace.use_practice_school()
        set_active(workspace.database, [one.id for one in listed], active=True)
        job = workspace.claim_sync(asked_by="cli")
        with progress_bar(job, workspace, is_wanted=True):
            result = job.run()
        tell(result)
        _serve(workspace, "127.0.0.1", port, listener, open_browser=not no_browser)


@commands.command("practice-server")
def practice_server(
    port: Port = 8765,
    day: Annotated[int, typer.Option(help="The day of the course that today is, in the real classes.")] = 90,
    seed: Annotated[int, typer.Option(help="Another number makes other people.")] = 7,
    page_cap: Annotated[int, typer.Option(min=1, help="Most rows a page.")] = 200,
    token_days: Annotated[float, typer.Option(help="Life of a token in days.")] = 30.0,
    faults: Annotated[bool, typer.Option(help="Let POST /practice/faults make it misbehave.")] = False,
) -> None:
    """Run the practice school, a server that speaks OpenClass's API, until Ctrl-C."""
    from cohort_core.practice.server import serve as serve_school
    from cohort_core.settings import load_settings

    timezone = load_settings(shared.home()).default_timezone
    serve_school(
        port, day=day, seed=seed, page_cap=page_cap, token_days=token_days, faults=faults, timezone=timezone
    )


def _serve(
    workspace: Workspace,
    host: str,
    port: int,
    listener: Any = None,
    *,
    sync_every: timedelta | None = None,
    open_browser: bool = False,
) -> None:
    from cohort_core import server

    listener = listener or server.listen(host, port)
    if open_browser:
        import threading
        import webbrowser

        address = f"http://127.0.0.1:{listener.getsockname()[1]}{server.DASHBOARD_PATH}"
        threading.Timer(1.0, webbrowser.open, [address]).start()
    server.serve(workspace, listener, sync_every=sync_every, say=typer.echo)


@contextmanager
def _demo_home() -> Iterator[None]:
    """The folder for the demo's data, never one that holds a real school."""
    from cohort_core.settings import load_settings

    home = shared.home()
    if "COHORT_HOME" in os.environ and (not home.config.exists() or load_settings(home).practice):
        yield
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="cohort-tracker-demo-") as folder:
        os.environ["COHORT_HOME"] = folder
        yield
