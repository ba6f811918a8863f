"""Settings, People and My account, as the people who use them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.config.paths import Home
from cohort_core.config.settings import save_settings
from cohort_core.dashboard import visits
from cohort_core.dashboard.identity import serve_as
from cohort_core.dashboard.settings import people
from cohort_core.errors import BadInput
from cohort_core.metrics.groups import groups
from cohort_core.services.passwords import hash_password, is_password
from cohort_core.services.principal import DASHBOARD_OWNER, NOBODY, principal_of
from cohort_core.services.services import Services
from cohort_core.services.sign_in import PAIR_FAILURES
from cohort_core.services.workspace import Workspace
from cohort_core.store import accounts
from cohort_core.store.accounts import Account
from cohort_core.store.audit import load_events
from cohort_core.store.roles import ROLES
from cohort_core.store.tokens import digest
from tests.dashboard.conftest import page, shown
from tests.dashboard.test_packs import copied as copied  # a fixture
from tests.identity_provider import running_provider

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
PASSWORD = "four words in a row"
Make = Callable[..., Account]


@pytest.fixture(autouse=True)
def owner() -> Iterator[None]:
    """Serve the owner again at the end."""
    yield
    serve_as(DASHBOARD_OWNER)


@pytest.fixture
def make(copied: Workspace) -> Make:
    """Make an account in the workspace of the pages."""

    def make_account(name: str, role: str, *references: str, **more: Any) -> Account:
        more.setdefault("password_hash", None)
        return accounts.create_account(
            copied.database, name, role, references or None, asked_by="test", now=NOW, **more
        )

    return make_account


def class_ids(workspace: Workspace) -> list[str]:
    return [status.id for status in workspace.cohorts.statuses() if status.is_active and status.synced_at]


def field(test: AppTest, label: str, kind: str = "text_input") -> Any:
    return next(element for element in getattr(test, kind) if element.label == label)


def press(test: AppTest, label: str) -> AppTest:
    result: AppTest = next(button for button in test.button if button.label == label).click().run()
    assert not result.exception
    return result


def people_page() -> AppTest:
    return page("settings", {"part": "people"})


def test_the_first_account_says_what_will_change_and_is_an_administrator(copied: Workspace) -> None:
    test = people_page()
    assert "everybody has to sign in, on this computer too" in shown(test)
    assert next(button for button in test.button if button.label == "Make the first account").disabled
    field(test, "Your name for signing in").set_value("ana")
    field(test, "Password").set_value(PASSWORD)
    field(test, "The same password again").set_value("another one")
    field(test, "I understand that everybody has to sign in from now on.", "checkbox").check().run()
    test = press(test, "Make the first account")
    assert "not the same" in test.error[0].value
    assert not accounts.load_accounts(copied.database)
    field(test, "Password").set_value(PASSWORD)
    field(test, "The same password again").set_value(PASSWORD)
    test = press(test, "Make the first account")
    (account,) = accounts.load_accounts(copied.database)
    assert (account.name, account.role, account.class_ids) == ("ana", "admin", None)
    assert is_password(PASSWORD, account.password_hash)


def test_without_accounts_no_page_asks_or_shows_anything_new(copied: Workspace) -> None:
    for name in ("overview", "student", "classes", "handover"):
        test = page(name)
        assert 'class="ct-sign-out"' not in shown(test)
        assert "My account" not in [getattr(link, "label", "") for link in test.get("page_link")]
    assert "Your role cannot open this page" in page("my_account").error[0].value


def test_an_administrator_adds_a_mentor_and_copies_the_link_once(copied: Workspace, make: Make) -> None:
    serve_as(principal_of(make("ana", "admin")))
    class_id = class_ids(copied)[0]
    test = people_page()
    field(test, "Name for signing in").set_value("ben")
    test = press(test, "Add and make a link")
    assert "Choose at least one class" in test.error[0].value
    field(test, "Classes", "multiselect").set_value([class_id]).run()
    group = field(test, "Groups", "multiselect").options[0]
    field(test, "Groups", "multiselect").set_value([group])
    test = press(test, "Add and make a link")
    ben = accounts.find_account(copied.database, "ben")
    assert (ben.role, ben.class_ids, ben.groups) == ("mentor", frozenset({class_id}), (group,))
    link = test.code[0].value
    secret = re.fullmatch(r"http://[^/]+/invitation/(\S+)", link)
    assert secret
    assert accounts.find_invited(copied.database, secret[1], datetime.now(UTC)) == ben
    assert "ben" in shown(test)
    assert not press(test, "Done").code
    assert not people_page().code


def test_a_link_is_put_away_once_it_is_used_and_says_where_it_opens(copied: Workspace, make: Make) -> None:
    serve_as(principal_of(make("ana", "admin")))
    ben = make("ben", "mentor", class_ids(copied)[0])
    test = press(page("settings", {"part": "people"}, [f"change-person-{ben.id}"]), "New link")
    assert "opens on this computer alone" in shown(test)
    secret = test.code[0].value.rpartition("/")[2]
    assert accounts.use_invitation(copied.database, secret, hash_password(PASSWORD), now=datetime.now(UTC))
    test = test.run()
    assert not test.code
    assert "opens on this computer alone" not in shown(test)
    save_settings(copied.home, public_url="https://cohort.example.org")
    test = press(page("settings", {"part": "people"}, [f"change-person-{ben.id}"]), "New link")
    assert test.code[0].value.startswith("https://cohort.example.org/invitation/")
    assert "opens on this computer alone" not in shown(test)


def test_who_lost_the_phone_gets_a_link_without_a_code(copied: Workspace, make: Make) -> None:
    serve_as(principal_of(make("ana", "admin")))
    ben = make("ben", "mentor", class_ids(copied)[0], password_hash="x")
    opened = [f"change-person-{ben.id}"]
    test = page("settings", {"part": "people"}, opened)
    assert "New link without code" not in [button.label for button in test.button]
    accounts.change_account(copied.database, ben.id, asked_by="test", totp_secret="sealed")
    test = page("settings", {"part": "people"}, opened)
    assert "Lost the phone" in shown(test)
    test = press(test, "New link without code")
    assert accounts.find_account(copied.database, "ben").totp_secret is None
    assert "/invitation/" in test.code[0].value


def test_changes_of_a_person(copied: Workspace, make: Make) -> None:
    first, other = class_ids(copied)[:2]
    serve_as(principal_of(make("ana", "admin")))
    ben = make("ben", "mentor", first, password_hash="x", email="ben@example.org")
    accounts.open_session(copied.database, ben.id, label="Firefox", lifetime=timedelta(days=1), now=NOW)
    test = page("settings", {"part": "people"}, [f"change-person-{ben.id}"])
    # Saving the email alone ends no session.
    field(test, "Email, if you like").set_value("ben@other.example")
    test = press(test, "Save")
    assert len(accounts.load_sessions(copied.database)) == 1
    field(test, "Classes", "multiselect").set_value([other])
    field(test, "Role", "selectbox").set_value("viewer").run()
    test = press(test, "Save")
    ben = accounts.find_account(copied.database, "ben")
    assert (ben.role, ben.class_ids, ben.email) == ("viewer", frozenset({other}), "ben@other.example")
    assert not accounts.load_sessions(copied.database)
    test = page("settings", {"part": "people"}, [f"change-person-{ben.id}"])
    test = press(test, "Disable")
    assert not accounts.find_account(copied.database, "ben").is_active
    assert "cannot sign in" in shown(test)
    test = press(page("settings", {"part": "people"}, [f"change-person-{ben.id}"]), "Enable")
    test = page("settings", {"part": "people"}, [f"change-person-{ben.id}"])
    assert "Delete" not in [button.label for button in test.button]
    field(test, "Delete ben for good. The name stays taken.", "checkbox").check().run()
    test = press(test, "Delete")
    assert [account.name for account in accounts.load_accounts(copied.database)] == ["ana"]


def test_nobody_else_opens_people(copied: Workspace, make: Make) -> None:
    class_id = class_ids(copied)[0]
    make("ana", "admin")
    serve_as(principal_of(make("ben", "mentor", class_id)))
    test = people_page()
    assert "ana" not in re.findall(r"\w+", shown(test))
    # A mentor reaches the drafts, and nothing else of the settings.
    assert field(test, "Subject")
    assert [pill.options for pill in test.pills] in ([], [["Drafts", "Messages to you"]])
    field(test, "Subject").set_value("Hello {first_name}").run()
    test = press(test, "Save")
    assert "Saved the draft" in test.success[0].value
    for role in ("viewer", "director"):
        serve_as(principal_of(make(f"some-{role}", role, class_id)))
        assert "Your role cannot open this page" in people_page().error[0].value


def test_each_mentor_signs_with_their_own_name(copied: Workspace, make: Make) -> None:
    class_id = class_ids(copied)[0]
    names = {"ben": "Ben", "cleo": "Cleo"}
    for name, signs in names.items():
        account = make(name, "mentor", class_id)
        accounts.open_session(copied.database, account.id, label="x", lifetime=timedelta(days=1), now=NOW)
        serve_as(principal_of(account))
        test = page("settings", {"part": "drafts"})
        field(test, "Your name, below each message").set_value(signs).run()
    for name, signs in names.items():
        account = accounts.find_account(copied.database, name)
        reader = Services(copied).reader(principal_of(account))
        assert reader.mentor_name == signs
    # Nobody has to sign in again for it.
    assert len(accounts.load_sessions(copied.database)) == 2


def test_my_account_shows_what_i_see_and_changes_the_password(copied: Workspace, make: Make) -> None:
    class_id = class_ids(copied)[0]
    name = next(status.name for status in copied.cohorts.statuses() if status.id == class_id)
    other = next(status.name for status in copied.cohorts.statuses() if status.id != class_id)
    ben = make("ben", "mentor", class_id, password_hash=hash_password(PASSWORD), groups=["Tuesday"])
    for label, opened in (("Firefox", datetime.now(UTC)), ("Opera", datetime.now(UTC) - timedelta(days=2))):
        lifetime = timedelta(days=1)
        accounts.open_session(copied.database, ben.id, label=label, lifetime=lifetime, now=opened)
    serve_as(principal_of(ben))
    test = page("my_account")
    text = shown(test)
    assert 'class="ct-sign-out"' in text
    assert all(word in text for word in (name, "Mentor", "Tuesday", "Firefox"))
    assert other not in text
    # A session that is over is not listed.
    assert "Opera" not in text
    for field_label, value in (
        ("Current password", PASSWORD),
        ("New password", "five other words in a row"),
        ("The new password again", "five other words in a row"),
    ):
        field(test, field_label).set_value(value)
    test = press(test, "Change password")
    assert "Sign in again" in test.success[0].value
    changed = accounts.find_account(copied.database, "ben")
    assert is_password("five other words in a row", changed.password_hash)


def test_the_group_of_a_person_is_chosen_first_and_can_be_left(copied: Workspace, make: Make) -> None:
    first, second = class_ids(copied)[:2]
    labels = [
        {group.label for group in groups(copied.cohorts.cohort(class_id))} for class_id in (first, second)
    ]
    group = next(iter(sorted(labels[0])))
    ben = make("ben", "mentor", first, second, groups=["No such group", group.upper()])
    serve_as(principal_of(ben))
    test = page("risk")
    chosen = field(test, "Group", "selectbox")
    shown_class = field(test, "Class", "selectbox").value
    if shown_class == first:
        assert group in chosen.format_func(chosen.value)
    chosen.set_value("").run()
    assert field(test, "Group", "selectbox").value == ""
    test.run()
    assert field(test, "Group", "selectbox").value == ""
    # An address with a class and no group means everyone.
    assert field(page("risk", {"class": first}), "Group", "selectbox").value == ""
    # A class that is chosen in the sidebar begins with the group.
    test = page("risk", {"class": second})
    field(test, "Class", "selectbox").set_value(first).run()
    test = AppTest.run(test)
    assert field(test, "Group", "selectbox").value != ""


def test_each_person_has_their_own_last_visit(home: Home) -> None:
    assert home.visits_of(None) == home.visits
    visits.record_page_view(home.visits_of(1), NOW)
    visits.record_page_view(home.visits_of(1), NOW + timedelta(hours=2))
    assert visits.load(home.visits_of(1)).last == NOW
    assert visits.load(home.visits_of(2)) == visits.Visits() == visits.load(home.visits)


def test_a_view_of_a_page_is_written_to_the_visits_of_the_person(copied: Workspace, make: Make) -> None:
    ben = make("ben", "mentor", class_ids(copied)[0])
    serve_as(principal_of(ben))
    page("overview")
    assert visits.load(copied.home.visits_of(ben.id)).seen_at is not None
    assert not copied.home.visits.exists()


def test_roles_have_words() -> None:
    assert set(people.ROLE_WORDS) == set(ROLES)


def test_a_tab_of_before_the_first_account_is_asked_to_sign_in(copied: Workspace) -> None:
    serve_as(NOBODY)
    for name in ("overview", "settings"):
        test = page(name)
        assert "Everybody signs in here now." in test.info[0].value
        assert not test.error
        assert "/login" in shown(test)


def test_a_second_factor_is_on_once_its_code_was_typed(copied: Workspace, make: Make) -> None:
    ben = make("ben", "mentor", class_ids(copied)[0], password_hash=hash_password(PASSWORD))
    serve_as(principal_of(ben))
    test = press(page("my_account"), "Set it up")
    key = test.code[0].value.replace(" ", "")
    assert "data:image/svg+xml" in shown(test)
    code = pyotp.TOTP(key).now()
    for typed, password in (("000000", PASSWORD), (code, "not my password"), (code, "")):
        field(test, "Code").set_value(typed)
        test.text_input(key="my-factor-proof").set_value(password)
        test = press(test, "Switch it on")
        # On a phone the top of the page is far away.
        assert test.columns[1].error
        assert accounts.find_account(copied.database, "ben").totp_secret is None
    field(test, "Code").set_value(f"{code[:3]} {code[3:]}")
    test.text_input(key="my-factor-proof").set_value(PASSWORD)
    test = press(test, "Switch it on")
    assert "The second factor is on" in test.success[0].value
    sealed = accounts.find_account(copied.database, "ben").totp_secret
    assert sealed
    assert key not in sealed
    test = press(test, "Switch it off")
    assert "neither your password nor the code that the app shows now" in test.error[0].value
    test.text_input(key="my-factor-off-proof").set_value(PASSWORD)
    test = press(test, "Switch it off")
    assert accounts.find_account(copied.database, "ben").totp_secret is None


def test_the_others_are_ended_and_the_email_is_changed_by_who_has_the_password(
    copied: Workspace, make: Make
) -> None:
    ben = make("ben", "mentor", class_ids(copied)[0], password_hash=hash_password(PASSWORD))
    now, day = datetime.now(UTC), timedelta(days=1)
    for label in ("Firefox", "Edge"):
        accounts.open_session(copied.database, ben.id, label=label, lifetime=day, now=now)
    serve_as(principal_of(ben))
    test = page("my_account")
    for password, left in (("not my password", 2), (PASSWORD, 0)):
        test.text_input(key="my-sessions-proof").set_value(password)
        test = press(test, "Sign out everywhere else")
        assert len(accounts.load_sessions(copied.database)) == left
    for password, email in (("", None), (PASSWORD, "ben@example.org")):
        field(test, "Email").set_value("ben@example.org")
        test.text_input(key="my-email-proof").set_value(password)
        test = press(test, "Change email")
        assert accounts.find_account(copied.database, "ben").email == email
    assert "account ben" in [event.who for event in load_events(copied.database)]


def test_without_a_password_a_fresh_session_is_the_proof(copied: Workspace, make: Make) -> None:
    ben = make("ben", "mentor")
    own = Services(copied).own_account(principal_of(ben))
    now, day = datetime.now(UTC), timedelta(days=1)
    old, fresh = (
        digest(accounts.open_session(copied.database, ben.id, label="x", lifetime=day, now=opened) or "")
        for opened in (now - timedelta(minutes=11), now)
    )
    for session in (None, old, "unknown"):
        with pytest.raises(BadInput, match="Sign out and in again"):
            own.check_proof("", session)
    own.check_proof("", fresh)


def test_a_proof_cannot_be_guessed_at_an_open_browser(copied: Workspace, make: Make) -> None:
    ben = make("ben", "mentor", password_hash=hash_password(PASSWORD))
    own = Services(copied).own_account(principal_of(ben))
    for number in range(PAIR_FAILURES):
        with pytest.raises(BadInput, match="not your password"):
            own.check_proof(f"guess {number}")
    for guess in (own.check_proof, own.remove_second_factor):
        with pytest.raises(BadInput, match="Wait"):
            guess(PASSWORD)
    with pytest.raises(BadInput, match="Wait"):
        own.change_password(PASSWORD, "five other words in a row")


def test_an_administrator_connects_the_school_sign_in_and_signs_everybody_out(
    copied: Workspace, make: Make
) -> None:
    ana = make("ana", "admin")
    ben = make("ben", "mentor")
    now, day = datetime.now(UTC), timedelta(days=1)
    for person in (ana, ben):
        accounts.open_session(copied.database, person.id, label="Edge", lifetime=day, now=now)
    serve_as(principal_of(ana))
    test = people_page()
    assert "the address under which people open Cohort Tracker" in shown(test)
    assert "Client id" not in [element.label for element in test.text_input]
    save_settings(copied.home, public_url="https://tracker.example.org")
    with running_provider() as provider:
        for issuer, is_right in (
            ("https://login.microsoftonline.com/common", False),
            (provider.issuer, True),
        ):
            test = people_page()
            assert "https://tracker.example.org/login/oidc/callback" in [block.value for block in test.code]
            field(test, "Issuer").set_value(issuer)
            field(test, "Client id").set_value("tracker")
            field(test, "Client secret").set_value("a secret of the school")
            test = press(test, "Check and save")
            assert (copied.settings().oidc_issuer == issuer) is is_right
            assert bool(test.error) is not is_right
            assert "a secret of the school" not in shown(test)
    accounts.change_account(copied.database, ben.id, asked_by="x", oidc_issuer="i", oidc_subject="s")
    accounts.open_session(copied.database, ben.id, label="Edge", lifetime=day, now=now)
    test = press(page("settings", {"part": "people"}, [f"change-person-{ben.id}"]), "Unlink")
    assert accounts.find_account(copied.database, "ben").oidc_subject is None
    accounts.open_session(copied.database, ben.id, label="Edge", lifetime=day, now=now)
    press(people_page(), "Sign everybody else out (1 session)")
    assert accounts.load_sessions(copied.database) == []
    press(people_page(), "Switch it off")
    assert copied.settings().oidc_issuer is None
