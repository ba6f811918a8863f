"""The practice receiver: a page on this computer that draws the messages that arrive there.

It takes what Slack, Discord, Teams and programs would get, so that somebody who only looks around sees a
digest arrive without an account anywhere. Nothing is kept after it stops.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from cohort_core import sockets
from cohort_core.errors import BadInput

HOST = "127.0.0.1"
KINDS = ("slack", "discord", "teams", "webhook")
MAX_KEPT, MAX_BODY = 50, 200_000


@dataclass(frozen=True)
class Received:
    """A message that arrived."""

    kind: str
    at: datetime
    body: Any
    id: str


def create_app() -> Starlette:
    """Create the page, with an address for each kind of message."""
    kept: deque[Received] = deque(maxlen=MAX_KEPT)

    async def receive(request: Request) -> Response:
        raw = await request.body()
        if len(raw) > MAX_BODY:
            return PlainTextResponse("too large", 413)
        try:
            body = json.loads(raw)
        except ValueError:
            return PlainTextResponse("no JSON", 400)
        kind = request.path_params["kind"]
        if kind not in KINDS:
            return PlainTextResponse("unknown", 404)
        kept.appendleft(Received(kind, datetime.now(UTC), body, request.headers.get("webhook-id", "")))
        return PlainTextResponse("ok", 202 if kind == "teams" else 200)

    async def page(_: Request) -> Response:
        return HTMLResponse(
            render(kept), headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        )

    return Starlette(routes=[Route("/", page), Route("/{kind}", receive, methods=["POST"])])


def render(received: Iterator[Received] | deque[Received]) -> str:
    """Draw the messages, the newest first."""
    cards = "".join(_card(item) for item in received)
    empty = "<p>Nothing has arrived yet. This page looks again every few seconds.</p>"
    return _PAGE.replace("CARDS", cards or empty)


def _card(item: Received) -> str:
    draw = {"slack": _slack, "discord": _discord, "teams": _teams}.get(item.kind, _webhook)
    try:
        inner = draw(item.body)
    except (KeyError, TypeError, IndexError, AttributeError):
        inner = f"<pre>{escape(json.dumps(item.body, indent=1, ensure_ascii=False, allow_nan=False))}</pre>"
    note = f" · {escape(item.id)}" if item.id else ""
    title = f"{item.kind.capitalize()} · {item.at:%H:%M:%S} UTC{note}"
    return f'<article class="{item.kind}"><h2>{title}</h2>{inner}</article>'


def _slack(body: Any) -> str:
    def words(text: str) -> str:
        # The text is escaped already, but for its own links, bold words and one sign.
        shown = re.sub(
            r"<(https?://[^|>\"]+)\|([^>]*)>",
            r'<a href="\1" rel="noreferrer">\2</a>',
            text.replace('"', "&quot;").replace("&quot;|", "|"),
        )
        shown = re.sub(r"\*([^*\n]+)\*", r"<strong>\1</strong>", shown)
        return shown.replace(":warning:", "⚠️").replace("\n", "<br>")

    parts = []
    for block in body["blocks"]:
        elements = [block["text"]] if "text" in block else block["elements"]
        parts += [f"<p>{words(str(element['text']))}</p>" for element in elements]
    return "".join(parts)


def _discord(body: Any) -> str:
    def words(text: str) -> str:
        shown = escape(text)
        shown = re.sub(
            r"\[((?:\\.|[^\]\\])*)\]\(&lt;(https?://[^&\s]+(?:&amp;[^&\s]+)*)&gt;\)",
            r'<a href="\2" rel="noreferrer">\1</a>',
            shown,
        )
        shown = re.sub(r"(?<!\\)\*\*(.+?)\*\*", r"<strong>\1</strong>", shown)
        return re.sub(r"\\([^\w\s])", r"\1", shown).replace("\\&", "&").replace("\n", "<br>")

    parts = []
    for embed in body["embeds"]:
        footer = f"<p><small>{escape(embed['footer']['text'])}</small></p>" if "footer" in embed else ""
        parts.append(
            f"<p><strong>{escape(embed['title'])}</strong></p><p>{words(embed['description'])}</p>{footer}"
        )
    return "".join(parts)


def _teams(body: Any) -> str:
    card = body["attachments"][0]["content"]
    parts = []
    for block in card["body"]:
        runs = []
        for run in block["inlines"]:
            text = escape(run["text"])
            if "selectAction" in run:
                text = f'<a href="{escape(run["selectAction"]["url"])}" rel="noreferrer">{text}</a>'
            runs.append(f"<strong>{text}</strong>" if run.get("weight") == "Bolder" else text)
        parts.append(f"<p>{''.join(runs)}</p>")
    parts += [
        f'<p><a href="{escape(action["url"])}" rel="noreferrer">{escape(action["title"])}</a></p>'
        for action in card.get("actions", [])
    ]
    return "".join(parts)


def _webhook(body: Any) -> str:
    return (
        f"<p><strong>{escape(str(body['type']))}</strong></p>"
        f"<pre>{escape(json.dumps(body, indent=2, allow_nan=False))}</pre>"
    )


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Practice receiver</title>
<meta http-equiv="refresh" content="3"><meta name="viewport" content="width=device-width">
<style>
body { font: 16px/1.45 system-ui, sans-serif; max-width: 44em; margin: 1.5em auto; padding: 0 1em;
  background: #f4f4f6; color: #1d1c1d }
h1 { font-size: 1.3em }
article { background: #fff; border-left: 4px solid #611f69; border-radius: 6px; margin: 1em 0;
  padding: .6em 1em }
article.discord { border-color: #5865f2 }
article.teams { border-color: #464eb8 }
article.webhook { border-color: #2f6fb0 }
h2 { font-size: .8em; color: #616061; margin: 0 0 .4em }
p { margin: .35em 0 }
pre { overflow: auto; background: #f4f4f6; padding: .6em }
a { color: #1264a3 }
</style></head><body><h1>Practice receiver</h1>
<p>Messages that arrive on this computer. Nothing is kept.</p>CARDS</body></html>"""


def serve(port: int, *, say: Callable[[str], object] = print) -> None:
    """Run the page until Ctrl-C.

    Raises ``BadInput`` for a port that cannot be used.
    """
    try:
        listener = sockets.listen(HOST, port)
    except (OSError, OverflowError):
        raise BadInput(
            f"Port {port} cannot be used, most likely because another program uses it. Choose another port "
            "with --port.",
            parameter="port",
        ) from None
    address = f"http://{HOST}:{listener.getsockname()[1]}"
    say(f"Practice receiver at {address}: open it in a browser, and send messages to")
    for kind in KINDS:
        say(f"  {kind:8} {address}/{kind}")
    config = uvicorn.Config(
        create_app(), lifespan="off", access_log=False, log_level="error", server_header=False
    )
    with closing(listener), suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
    say("Practice receiver stopped.")
