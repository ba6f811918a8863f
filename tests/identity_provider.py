"""A real identity provider on loopback: oidc-provider-mock, whose answers a test can spoil."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import oidc_provider_mock
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

KEY = RSAKey.generate_key(2048, {"kid": "first"})


class IdentityProvider:
    """The mock with a key of its own, so that a test can sign any claims.

    `change` changes the claims of each token, `forge` makes the token itself, `metadata` adds to what the
    issuer says of itself, and `answers` are whole responses by path. `asked` are the paths of all requests.
    A browser of the person `signed_in` is sent back without a question.
    """

    def __init__(self) -> None:
        self.path = ""
        self.host = "127.0.0.1"
        self.key = KEY
        self.forge: Callable[[dict[str, Any]], str] | None = None
        self.change: Callable[[dict[str, Any]], object] = lambda claims: None
        self.metadata: dict[str, Any] = {}
        self.answers: dict[str, Response] = {}
        self.signed_in = ""
        self.asked: list[str] = []
        self.port = 0
        self._challenge = ""
        self._mock = oidc_provider_mock.app()

    @property
    def root(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def issuer(self) -> str:
        return self.root + self.path

    def __call__(self, environ: Any, start_response: Any) -> Any:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
        request = Request(environ)
        path = request.path.removeprefix(self.path)
        environ["PATH_INFO"] = path
        self.asked.append(path)
        return self._respond(path, request)(environ, start_response)

    def _respond(self, path: str, request: Request) -> Response:
        if path in self.answers:
            return self.answers[path]
        if path == "/jwks":
            return _json({"keys": [self.key.as_dict(private=False)]})
        if path == "/oauth2/authorize":
            if self.signed_in and request.method == "GET":
                form = urlencode({"sub": self.signed_in}).encode()
                more = {"wsgi.input": io.BytesIO(form), "CONTENT_LENGTH": f"{len(form)}"}
                kind = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "REQUEST_METHOD": "POST"}
                request = Request(request.environ | more | kind)
            self._challenge = request.args.get("code_challenge", "")
            assert request.args["code_challenge_method"] == "S256"
        if path == "/oauth2/token":
            digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
            assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self._challenge
        request.environ["wsgi.input"].seek(0)
        response = Response.from_app(self._mock, request.environ)
        if path == "/.well-known/openid-configuration":
            document = {"issuer": self.issuer, **json.loads(response.get_data())}
            return _json(document | {"issuer": self.issuer} | self.metadata)
        if path == "/oauth2/token" and response.status_code == 200:
            token = json.loads(response.get_data())
            payload = token["id_token"].split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            claims["iss"] = self.issuer
            self.change(claims)
            header = {"alg": "RS256", "kid": self.key.kid}
            token["id_token"] = self.forge(claims) if self.forge else jwt.encode(header, claims, self.key)
            return _json(token)
        return response

    def add(self, sub: str, **claims: Any) -> None:
        """Add a person with the claims of their tokens."""
        requests.put(f"{self.root}{self.path}/users/{sub}", json=claims, timeout=10).raise_for_status()

    def consent(self, address: str, sub: str) -> str:
        """Sign in at the address to which a browser was sent; return where it is sent back."""
        answer = requests.post(address, data={"sub": sub}, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


def _json(content: Any) -> Response:
    return Response(json.dumps(content), content_type="application/json")


def parameters(address: str) -> dict[str, str]:
    """Return the parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *values: object) -> None:
        """Log nothing."""


@contextmanager
def running_provider() -> Iterator[IdentityProvider]:
    """Serve a provider on a free port."""
    provider = IdentityProvider()
    server = make_server("127.0.0.1", 0, provider, threaded=True, request_handler=_Silent)
    provider.port = server.port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
