"""The school's own sign-in, against a real provider on loopback."""

from __future__ import annotations

import base64
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyotp
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from werkzeug.wrappers import Response

from cohort_core.clock import utc_now
from cohort_core.config.settings import check_issuer, save_settings
from cohort_core.errors import BadInput
from cohort_core.http.sign_in_pages import SignInPages
from cohort_core.services import oidc, oidc_sign_in, second_factor
from cohort_core.services.oidc_sign_in import verified_email
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.services.sign_in import PAIR_FAILURES, SignIn
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.accounts import Account
from cohort_core.store.audit import load_events
from cohort_core.store.roles import ROLES
from tests.conftest import serving
from tests.identity_provider import KEY, IdentityProvider, parameters, running_provider

TENANT = "11111111-2222-3333-4444-555555555555"
SECRET = "client-secret-of-the-school"
CALLBACK = "/login/oidc/callback"


@dataclass
class School:
    """A server whose people sign in at a provider; Ana is invited."""

    url: str
    workspace: Workspace
    provider: IdentityProvider
    signing_in: SignIn

    def connect(self, **more: Any) -> None:
        admin = Services(self.workspace).accounts(CLI_OWNER)
        admin.connect_school_sign_in(self.provider.issuer, "tracker", SECRET, **more)

    def invite(self, name: str, role: str = "mentor", **more: Any) -> Account:
        email = f"{name}@example.org"
        database = self.workspace.database
        made = accounts.create_account(database, name, role, email=email, asked_by="x", now=utc_now(), **more)
        accounts.create_invitation(database, made.id, asked_by="x", now=utc_now())
        return made

    def account(self, name: str) -> Account:
        return accounts.find_account(self.workspace.database, name)

    def begin(self, browser: requests.Session, wanted: str = "") -> str:
        """Press the button; return the provider's address."""
        begun = browser.get(
            f"{self.url}/login/oidc", params={"next": wanted}, allow_redirects=False, timeout=10
        )
        assert begun.status_code == 303, begun.text
        return begun.headers["Location"]

    def sign_in(
        self, sub: str, browser: requests.Session | None = None, wanted: str = ""
    ) -> requests.Response:
        """Sign in as a person of the provider."""
        browser = browser or requests.Session()
        back = self.provider.consent(self.begin(browser, wanted), sub)
        return browser.get(back, allow_redirects=False, timeout=20)

    def refuses(self, sub: str, words: str) -> None:
        """Check that a person gets a sentence instead of a session, and no link; forget the failure."""
        answer = self.sign_in(sub)
        assert is_refused(answer, words), answer.text
        assert self.account("ana").oidc_subject is None
        self.signing_in.guesses.forget("oidc 127.0.0.1", "127.0.0.1")

    def audit(self) -> list[tuple[str, str]]:
        return [(event.action, event.detail) for event in load_events(self.workspace.database)]


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def school(workspace: Workspace, provider: IdentityProvider) -> Iterator[School]:
    workspace.database.migrate()
    signing_in = SignIn(lambda: workspace)
    with serving(Starlette(routes=SignInPages(signing_in, "/dashboard").routes())) as url:
        save_settings(workspace.home, public_url=url)
        school = School(url, workspace, provider, signing_in)
        school.connect()
        school.invite("ana")
        provider.add("1", email="ana@example.org", email_verified=True)
        yield school


def is_refused(answer: requests.Response, words: str = "") -> bool:
    """Return whether a sentence stands there instead of a session."""
    assert "Traceback" not in answer.text
    return answer.status_code == 403 and "cohort" not in answer.cookies and words in answer.text


def test_an_invited_person_is_linked_once_and_comes_back_without_their_email(school: School) -> None:
    browser = requests.Session()
    answer = school.sign_in("1", browser, "/dashboard/risk?class=a")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard/risk?class=a")
    flags = answer.headers["Set-Cookie"]
    assert "HttpOnly" in flags
    assert "SameSite=lax" in flags
    assert set(browser.cookies.keys()) == {"cohort"}
    ana = school.account("ana")
    assert (ana.oidc_issuer, ana.oidc_subject, ana.role) == (school.provider.issuer, "1", "mentor")
    assert ("account linked", f"to a person at {school.provider.issuer}") in school.audit()
    assert school.audit()[0][0] == "signed in"
    school.provider.add("1", email="other@example.org")
    assert school.sign_in("1").status_code == 303
    # Another person with her address gets nothing, whatever invitation is made later.
    accounts.create_invitation(school.workspace.database, ana.id, asked_by="x", now=utc_now())
    school.provider.add("2", email="ana@example.org", email_verified=True)
    assert is_refused(school.sign_in("2"), "No account here")
    assert school.account("ana").oidc_subject == "1"
    assert school.provider.path + "/.well-known/openid-configuration" in school.provider.asked


UNPROVEN: list[tuple[dict[str, Any], str]] = [
    ({"email": "ana@example.org"}, "is verified"),
    ({"email": "ana@example.org", "email_verified": False}, "is verified"),
    ({"email": "ana@example.org", "email_verified": "true"}, "is verified"),
    ({"email": "ana@example.org", "email_verified": 1}, "is verified"),
    ({"email": "ana@example.org", "xms_edov": True, "tid": TENANT}, "is verified"),
    ({"email_verified": True}, "is verified"),
    ({"email": ["ana@example.org"], "email_verified": True}, "is verified"),
    ({"email": "eve@example.org", "email_verified": True}, "No account here"),
    ({"email": "", "email_verified": True}, "is verified"),
]


def test_who_does_not_prove_the_address_of_an_account_is_refused(school: School) -> None:
    for claims, words in UNPROVEN:
        school.provider.add("1", **claims)
        school.refuses("1", words)


def test_an_address_links_an_invited_account_alone(school: School) -> None:
    database, ana = school.workspace.database, school.account("ana")
    long_ago = "2026-01-01T00:00:00.000Z"
    for change in (f"used_at = '{long_ago}'", f"used_at = NULL, ends_at = '{long_ago}'"):
        with database.writing() as connection:
            connection.execute(f"UPDATE invitations SET {change}")
        school.refuses("1", "No account here")
    accounts.create_invitation(database, ana.id, asked_by="x", now=utc_now())
    accounts.change_account(database, ana.id, asked_by="x", is_active=False)
    school.refuses("1", "No account here")


def forget(*names: str) -> Callable[[dict[str, Any]], object]:
    return lambda claims: [claims.pop(name, None) for name in names]


SPOILED: list[Callable[[dict[str, Any]], object]] = [
    lambda claims: claims.update(iss="https://evil.example"),
    lambda claims: claims.update(iss=f"{claims['iss']}/"),
    forget("iss"),
    lambda claims: claims.update(aud="another"),
    lambda claims: claims.update(aud=["another"]),
    lambda claims: claims.update(aud="another", azp="tracker"),
    lambda claims: claims.update(aud=["tracker", "another"], azp="another"),
    lambda claims: claims.update(aud=["tracker", "another"]) or claims.pop("azp", None),
    forget("aud"),
    lambda claims: claims.update(nonce="planted"),
    forget("nonce"),
    lambda claims: claims.update(exp=int(time.time()) - 600),
    forget("exp"),
    lambda claims: claims.update(exp="never"),
    lambda claims: claims.update(iat=int(time.time()) + 6000),
    lambda claims: claims.update(sub=""),
    lambda claims: claims.update(sub=7),
    forget("sub"),
    lambda claims: claims.update(sub="x" * 300),
]


def test_a_token_that_is_not_for_us_and_now_opens_nothing(school: School) -> None:
    for number, change in enumerate(SPOILED):
        school.provider.change = change
        assert is_refused(answer := school.sign_in("1"), "did not confirm who you are"), (number, answer.text)
        school.signing_in.guesses.forget("oidc 127.0.0.1", "127.0.0.1")
    assert school.account("ana").oidc_subject is None
    school.provider.change = lambda claims: claims.update(aud=["tracker"])
    assert school.sign_in("1").status_code == 303


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(header: dict[str, str], claims: dict[str, Any]) -> str:
    return f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"


def test_a_token_that_the_issuer_did_not_sign_opens_nothing(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the issuer says of itself is read each time.
    monkeypatch.setattr(oidc, "KEEP_SECONDS", -1.0)
    other = RSAKey.generate_key(2048, {"kid": "first"})
    public = KEY.as_pem(private=False)

    def by_public_key(claims: dict[str, Any]) -> str:
        text = unsigned({"alg": "HS256", "kid": "first"}, claims)
        return f"{text}.{encoded(hmac.digest(public, text.encode(), 'sha256'))}"

    def by_secret(claims: dict[str, Any]) -> str:
        text = unsigned({"alg": "HS256"}, claims)
        return f"{text}.{encoded(hmac.digest(SECRET.encode(), text.encode(), 'sha256'))}"

    forgeries: list[Callable[[dict[str, Any]], str]] = [
        lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, other),
        lambda claims: f"{unsigned({'alg': 'none'}, claims)}.",
        by_public_key,
        by_secret,
        lambda claims: "no token",
    ]
    for algorithms in (["RS256"], ["RS256", "HS256", "none"], ["HS256"]):
        school.provider.metadata["id_token_signing_alg_values_supported"] = algorithms
        for forge in forgeries:
            school.provider.forge = forge
            school.refuses("1", "did not confirm who you are")
    school.provider.forge = None
    # Nothing that we accept is left in the last list.
    school.refuses("1", "did not confirm who you are")


def test_new_keys_of_the_issuer_are_read(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    assert school.sign_in("1").status_code == 303
    monkeypatch.setattr(oidc, "ASK_KEYS_AGAIN_SECONDS", 0.0)
    school.provider.key = RSAKey.generate_key(2048, {"kid": "second"})
    assert school.sign_in("1").status_code == 303


def test_a_subject_of_another_issuer_is_another_person(school: School) -> None:
    assert school.sign_in("1").status_code == 303
    with running_provider() as other:
        other.add("1", email="ana@example.org", email_verified=True)
        school.provider = other
        school.connect()
        assert is_refused(school.sign_in("1"), "No account here")
        # An administrator unlinks her and makes a new invitation.
        admin = Services(school.workspace).accounts(CLI_OWNER)
        admin.unlink(school.account("ana").id)
        assert is_refused(school.sign_in("1"), "No account here")
        admin.invite(school.account("ana").id)
        assert school.sign_in("1").status_code == 303
    assert school.account("ana").oidc_issuer == other.issuer


def test_an_attempt_works_once_and_in_its_browser_alone(school: School) -> None:
    victim, attacker = requests.Session(), requests.Session()
    back = school.provider.consent(school.begin(victim), "1")
    # Another browser, without an attempt and with one of its own.
    assert is_refused(attacker.get(back, allow_redirects=False, timeout=10), "another browser")
    own = parameters(school.begin(attacker))["state"]
    assert is_refused(attacker.get(back, allow_redirects=False, timeout=10), "another browser")
    mixed = back.replace(parameters(back)["state"], own)
    assert is_refused(victim.get(mixed, allow_redirects=False, timeout=10), "another browser")
    stolen = dict(victim.cookies)
    assert victim.get(back, allow_redirects=False, timeout=10).status_code == 303
    again = requests.get(back, cookies=stolen, allow_redirects=False, timeout=10)
    assert is_refused(again, "is over")


def test_an_attempt_ends_after_ten_minutes(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = requests.Session()
    back = school.provider.consent(school.begin(browser), "1")
    monkeypatch.setattr(oidc_sign_in, "ATTEMPT_SECONDS", -1)
    assert is_refused(browser.get(back, allow_redirects=False, timeout=10), "is over")


def test_what_the_provider_refuses_is_a_plain_sentence(school: School) -> None:
    for spoiled in (
        "error=access_denied&error_description=%3Cscript%3Esecret",
        "code=made-up",
        "",
        "iss=x&code=1",
    ):
        browser = requests.Session()
        state = parameters(school.begin(browser))["state"]
        back = f"{school.url}{CALLBACK}?state={state}&{spoiled}"
        answer = browser.get(back, allow_redirects=False, timeout=10)
        assert is_refused(answer), spoiled
        assert "secret" not in answer.text
    assert is_refused(requests.get(f"{school.url}{CALLBACK}", timeout=10), "is over")


def test_a_disabled_account_is_refused_and_keeps_its_link(school: School) -> None:
    assert school.sign_in("1").status_code == 303
    ana = school.account("ana")
    accounts.change_account(school.workspace.database, ana.id, asked_by="x", is_active=False)
    assert is_refused(school.sign_in("1"), "No account here")
    accounts.change_account(school.workspace.database, ana.id, asked_by="x", is_active=True)
    assert school.sign_in("1").status_code == 303
    accounts.create_account(school.workspace.database, "boss", "admin", asked_by="x", now=utc_now())
    accounts.delete_account(school.workspace.database, ana.id, asked_by="x", now=utc_now())
    assert is_refused(school.sign_in("1"), "No account here")


def test_a_role_is_that_of_the_account(school: School) -> None:
    roles = {}
    for role in ROLES:
        made = school.invite(role, role)
        claims = {"email": f"{role}@example.org", "role": "admin", "roles": ["admin"], "amr": ["mfa"]}
        school.provider.add(role, email_verified=True, **claims)
        assert school.sign_in(role).status_code == 303
        roles[role] = made.id
    for demanded in (False, True):
        # The setting looks at our second factor alone, whatever the provider asked for.
        save_settings(school.workspace.home, demand_second_factor=demanded)
        for role, account_id in roles.items():
            principal = Services(school.workspace).account_principal(account_id)
            assert principal is not None
            assert principal.role == ("viewer" if demanded and role == "admin" else role)


def test_a_second_factor_is_asked_for_after_it(school: School) -> None:
    assert school.sign_in("1").status_code == 303
    home, ana = school.workspace.home, school.account("ana")
    app = pyotp.TOTP(second_factor.secret_of(second_factor.new_address("ana")))
    sealed = second_factor.sealed(home, app.secret)
    accounts.change_account(school.workspace.database, ana.id, asked_by="x", totp_secret=sealed)
    browser = requests.Session()
    answer = school.sign_in("1", browser, "/dashboard/risk")
    assert (answer.headers["Location"], "cohort" in browser.cookies) == ("/login/oidc/code", False)
    code_url = f"{school.url}/login/oidc/code"
    assert "authenticator app" in browser.get(code_url, timeout=10).text
    wrong = browser.post(code_url, data={"code": "000000"}, allow_redirects=False, timeout=10)
    assert (wrong.status_code, "cohort" in browser.cookies) == (401, False)
    assert is_refused(requests.post(code_url, data={"code": app.now()}, timeout=10), "is over")
    foreign = {"Origin": "https://evil.example"}
    assert browser.post(code_url, data={"code": app.now()}, headers=foreign, timeout=10).status_code == 403
    kept = dict(browser.cookies)
    save_settings(home, oidc_issuer="http://127.0.0.1:9")
    switched = requests.post(
        code_url, data={"code": app.now()}, cookies=kept, allow_redirects=False, timeout=10
    )
    assert is_refused(switched, "is over")
    save_settings(home, oidc_issuer=school.provider.issuer)
    done = browser.post(code_url, data={"code": app.now()}, allow_redirects=False, timeout=10)
    assert (done.status_code, done.headers["Location"]) == (303, "/dashboard/risk")
    assert "cohort" in browser.cookies
    later = app.at(time.time() + 30)
    again = requests.post(code_url, data={"code": later}, cookies=kept, allow_redirects=False, timeout=10)
    assert is_refused(again, "is over")


def test_codes_cannot_be_guessed(school: School) -> None:
    assert school.sign_in("1").status_code == 303
    sealed = second_factor.sealed(school.workspace.home, pyotp.random_base32())
    ana = school.account("ana")
    accounts.change_account(school.workspace.database, ana.id, asked_by="x", totp_secret=sealed)
    browser = requests.Session()
    school.sign_in("1", browser)
    statuses = [
        browser.post(
            f"{school.url}/login/oidc/code", data={"code": "1"}, allow_redirects=False, timeout=10
        ).status_code
        for _ in range(PAIR_FAILURES + 2)
    ]
    assert statuses == [401] * PAIR_FAILURES + [429] * 2


def test_failures_of_an_address_wait(school: School) -> None:
    school.provider.add("5", email="eve@example.org", email_verified=True)
    for _ in range(PAIR_FAILURES):
        assert is_refused(school.sign_in("5"))
    waiting = school.sign_in("5")
    assert (waiting.status_code, "Wait" in waiting.text) == (429, True)
    assert 0 < int(waiting.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "https://evil.example/", "/dashboard//evil.example", "/\\evil.example", "/login"],
)
def test_it_leads_nowhere_else(school: School, wanted: str) -> None:
    assert school.sign_in("1", wanted=wanted).headers["Location"] == "/dashboard/"


def test_another_site_begins_nothing_and_the_button_is_where_the_sign_in_is(school: School) -> None:
    begin = f"{school.url}/login/oidc"
    for site in ("cross-site", "same-site"):
        answer = requests.get(begin, headers={"Sec-Fetch-Site": site}, allow_redirects=False, timeout=10)
        assert answer.headers["Location"] == "/login?next=/dashboard/"
    # Under another name the cookie would be lost on the way back.
    other = school.url.replace("127.0.0.1", "localhost")
    answer = requests.get(f"{other}/login/oidc", allow_redirects=False, timeout=10)
    assert answer.headers["Location"] == f"{school.url}/login?next=/dashboard/"
    login = requests.get(f"{school.url}/login", timeout=10).text
    assert "Sign in with your school&#x27;s account" in login
    assert "<script" not in login
    school.connect(name="Google & <b>")
    assert "Sign in with Google &amp; &lt;b&gt;" in requests.get(f"{school.url}/login", timeout=10).text
    Services(school.workspace).accounts(CLI_OWNER).disconnect_school_sign_in()
    assert "Sign in with" not in requests.get(f"{school.url}/login", timeout=10).text
    gone = requests.get(begin, allow_redirects=False, timeout=10)
    assert gone.headers["Location"] == "/login?next=/dashboard/"


def test_entra_counts_for_the_one_tenant(school: School) -> None:
    school.provider.path = f"/{TENANT}/v2.0"
    school.connect()
    foreign = TENANT.replace("1", "9")
    school.provider.add("1", email="ana@example.org", xms_edov=True, tid=foreign)
    assert is_refused(school.sign_in("1"), "is verified")
    school.provider.add("1", email="ana@example.org", xms_edov=True, tid=TENANT)
    school.provider.change = lambda claims: claims.update(iss=claims["iss"].replace(TENANT, foreign))
    assert is_refused(school.sign_in("1"), "did not confirm")
    school.provider.change = lambda claims: None
    assert school.sign_in("1").status_code == 303


@pytest.mark.parametrize(
    ("value", "counts"), [(True, True), ("1", True), (False, False), ("0", False), (None, False), ([], False)]
)
def test_the_claim_of_entra(value: object, counts: bool) -> None:
    claims = {"email": "a@b.org", "xms_edov": value, "tid": TENANT}
    issuer = f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert (verified_email(claims, issuer) == "a@b.org") is counts
    assert verified_email(claims, "https://accounts.google.com") is None
    assert verified_email(claims | {"email_verified": False}, issuer) is None


@pytest.mark.parametrize(
    "issuer",
    [
        *(
            f"https://login.microsoftonline.com/{name}/v2.0"
            for name in ("common", "Organizations", "consumers")
        ),
        "https://login.microsoftonline.us/common",
        "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        "http://accounts.example.org",
        "ftp://accounts.example.org",
        "https://user:pass@accounts.example.org",
        "https://accounts.example.org?x=1",
        "https://",
        "accounts.google.com",
    ],
)
def test_an_issuer_that_cannot_be_used_is_refused_at_once(issuer: str) -> None:
    with pytest.raises(ValueError, match="must"):
        check_issuer(issuer)


DISCOVERY = "/.well-known/openid-configuration"
ODD_ISSUERS: list[tuple[str, Any]] = [
    ("metadata", {"issuer": "https://evil.example"}),
    ("metadata", {"token_endpoint": "http://evil.example/token"}),
    ("metadata", {"jwks_uri": "http://169.254.169.254/latest"}),
    ("metadata", {"authorization_endpoint": "javascript:alert(1)"}),
    ("metadata", {"code_challenge_methods_supported": ["plain"]}),
    (
        DISCOVERY,
        Response(status=302, headers={"Location": "http://127.0.0.1:9/"}),
    ),
    (DISCOVERY, Response("no", status=500)),
    (DISCOVERY, Response("[]")),
    (DISCOVERY, Response("{" * 2_000_000)),
]


def test_an_issuer_that_is_not_itself_is_refused(school: School) -> None:
    before = school.workspace.settings()
    for path, answer in ODD_ISSUERS:
        school.provider.metadata = answer if path == "metadata" else {}
        school.provider.answers = {} if path == "metadata" else {path: answer}
        with pytest.raises(BadInput) as error:
            school.connect()
        assert SECRET not in error.value.message
        assert school.workspace.settings() == before


def test_no_redirect_is_followed_and_a_broken_provider_is_a_sentence(school: School) -> None:
    with running_provider() as other:
        for path in ("/oauth2/token", "/jwks"):
            redirect = Response(status=307, headers={"Location": f"{other.root}{path}"})
            for answer in (redirect, Response("<html>", status=502), Response("[]")):
                school.provider.answers = {path: answer}
                school.refuses("1", "")
        assert other.asked == []


def test_a_provider_that_is_away_is_a_sentence_and_passwords_work_on(school: School) -> None:
    save_settings(school.workspace.home, oidc_issuer="http://127.0.0.1:9")
    answer = requests.get(f"{school.url}/login/oidc", allow_redirects=False, timeout=20)
    assert (answer.status_code, "does not answer" in answer.text) == (503, True)
    assert requests.get(f"{school.url}/login", timeout=10).status_code == 200


def test_the_secret_goes_to_its_issuer_alone_and_into_no_file_of_others(school: School) -> None:
    home = school.workspace.home
    assert home.oidc_secret.read_text("utf-8") == SECRET
    assert home.oidc_secret.stat().st_mode & 0o077 == 0
    assert SECRET not in home.config.read_text("utf-8")
    assert SECRET not in repr(load_events(school.workspace.database))
    with running_provider() as other:
        admin = Services(school.workspace).accounts(CLI_OWNER)
        admin.connect_school_sign_in(other.issuer, "tracker", None)
        assert not home.oidc_secret.exists()


SIGN_IN_PAGE = """
import sys
for name in sys.argv[1:]:
    sys.modules[name] = None
from starlette.applications import Starlette
from starlette.testclient import TestClient
from cohort_core.http.sign_in_pages import SignInPages
from cohort_core.services.sign_in import SignIn
browser = TestClient(Starlette(routes=SignInPages(SignIn(), "/dashboard").routes()), follow_redirects=False)
login = browser.get("/login")
assert login.status_code == 200 and "Sign in with" in login.text
loaded = {name for name in sys.modules if sys.modules[name]}
print(sorted(loaded & {"authlib", "joserfc", "requests", "zxcvbn"}))
begun = browser.get("/login/oidc", headers={"Host": "127.0.0.1:3000"})
print(begun.status_code, "is not installed" in begun.text, "Traceback" in begun.text)
"""


def test_the_library_is_loaded_when_somebody_comes_that_way_and_may_be_missing(school: School) -> None:
    save_settings(school.workspace.home, public_url="http://127.0.0.1:3000")
    home = str(school.workspace.home.folder)

    def run(*missing: str) -> list[str]:
        command = [sys.executable, "-W", "ignore", "-c", SIGN_IN_PAGE, *missing]
        environment = {**os.environ, "COHORT_HOME": home}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.splitlines()

    assert run() == ["[]", "303 False False"]
    assert run("authlib") == ["[]", "503 True False"]
    words = ("account", "oidc", "--issuer", school.provider.issuer, "--client-id", "tracker")
    hide = "import sys; sys.modules['authlib'] = None; from cohort_core.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hide, *words],
        env={**os.environ, "COHORT_HOME": home},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "pip install 'cohort-tracker[oidc]'" in done.stderr) == (78, True)


def test_the_command_line_connects_shows_and_ends_it(school: School) -> None:
    def run(*words: str, given: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cohort_core.cli", "account", *words],
            env={**os.environ, "COHORT_HOME": str(school.workspace.home.folder)},
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "another secret" not in done.stdout + done.stderr
        return done.stdout

    assert "Nobody comes in" in run("oidc", "--off")
    assert not school.workspace.home.oidc_secret.exists()
    connect = ("--issuer", school.provider.issuer, "--client-id", "tracker", "--client-secret-stdin")
    shown = run("oidc", *connect, "--button", "Google", given="another secret\n")
    assert f"sign in with Google, at {school.provider.issuer}" in shown
    assert f"{school.url}{CALLBACK}" in shown
    assert school.workspace.home.oidc_secret.read_text("utf-8") == "another secret"
    assert school.sign_in("1").status_code == 303
    assert "ana" in run("sessions")
    run("reset-link", "ana", "--unlink")
    assert school.account("ana").oidc_subject is None
    assert school.sign_in("1").status_code == 303
    assert "Ended 1 session of everybody" in run("sessions", "--end")
