"""Settings, Messages to you: where a digest goes each morning, and with which names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, time, tzinfo
from typing import Any

import streamlit as st

from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.dashboard.components import notices
from cohort_core.dashboard.components.text import about, literal, moment, parse_instant
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.dashboard.page_words import FIXED
from cohort_core.notify.digest import plain_text
from cohort_core.store.destinations import DAYS, NAMES, WORKDAYS, Destination, Kind, Names, Wanted
from cohort_core.store.outbox import Message

KIND_WORDS: Mapping[Kind, tuple[str, str]] = {
    "slack": (
        "Slack",
        "In Slack, add the app *Incoming Webhooks*, choose a channel, and copy the *Webhook URL* here.",
    ),
    "discord": (
        "Discord",
        "In Discord, open the settings of a channel, then *Integrations*, *Webhooks*, *New webhook*, and "
        "copy its URL here.",
    ),
    "teams": (
        "Microsoft Teams",
        "In Teams, open the menu of a channel, then *Workflows*, choose the one that posts *when a webhook "
        "request is received*, and copy its address here.",
    ),
    "email": ("Email", "You need the mail server of your school or provider, with a user name and password."),
    "webhook": (
        "A program",
        "Programs get events by Standard Webhooks: a student needs attention, came back, and others. "
        "It is for people who write programs.",
    ),
}
"""The word for each kind of destination, and how to get its address."""
NAME_WORDS: Mapping[Names, tuple[str, str]] = {
    "pseudonym": ("Invented names", "No real name leaves the school. The link opens the right student."),
    "initial": (
        "First name and initial",
        "First names leave the school, for whoever reads the messages there.",
    ),
    "full": ("Full names", "Names leave the school, and stay wherever the messages are kept."),
}
DAY_WORDS = dict(zip(DAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
SECURITY_WORDS = {"starttls": "STARTTLS (usual)", "tls": "TLS"}
STATE_WORDS = {
    "waiting": "waiting for the next attempt",
    "sending": "being sent",
    "delivered": "delivered",
    "accepted": "accepted",
    "perhaps_sent": "perhaps sent",
    "failed": "not taken",
    "dropped": "dropped, as it was too late",
}
WHAT_LEAVES = (
    "What leaves the school: how many students need a message, and for up to ten of them a name as chosen, a "
    "short reason with its number, and a link that opens only for people who may see the student here. Names "
    "of assignments and classes are in it. Never an email address, a grade, a note, or a message of yours."
)
_NOTICE, _SECRET, _SHOWN, _NUMBER = "messages-notice", "messages-secret", "message-preview", "new-message"


def show(view: View) -> None:
    """Show the destinations of the person, and ask for another one."""
    notices.show(_NOTICE)
    _show_secret()
    st.subheader("Messages to you", anchor=False)
    st.write("Each morning a short list of who needs a message today, where you read anyway.")
    st.caption(WHAT_LEAVES)
    messages = view.messages
    if messages.public_url is None:
        st.caption("Messages have no links, since no address is set under which people open Cohort Tracker.")
    for destination in messages.destinations():
        with st.container(border=True, key=f"destination-{destination.id}"):
            _show_destination(view, destination)
    _add(view)
    if view.admin is not None and view.reader.principal.account_id is not None:
        _choose_limit(view)


def _show_destination(view: View, item: Destination) -> None:
    st.markdown(f"**{literal(item.name)}**")
    st.caption(literal(describe(item)))
    if item.notice:
        st.warning(literal(item.notice))
    with st.container(horizontal=True, gap="small"):
        if item.gets_digests:
            is_shown = st.session_state.get(_SHOWN) == item.id
            word = "Hide it again" if is_shown else "Show what would be sent"
            _press(view, word, item, "preview")
        if item.is_on:
            _press(view, "Send a test now", item, "test")
        _press(view, "Switch off" if item.is_on else "Switch on", item, "switch")
        _press(view, "Remove", item, "remove")
    if st.session_state.get(_SHOWN) == item.id:
        _show_preview(view, item)
    if item.gets_digests:
        with st.expander("Time, days and names", key=f"change-destination-{item.id}"):
            _ask_when(view, f"destination-{item.id}-{item.changed_at}", item)
            key = f"destination-{item.id}-{item.changed_at}"
            st.button("Save", key=f"{key}-save", type="primary", on_click=_save, args=(view, item.id, key))
    _show_last(view, item)


def describe(item: Destination) -> str:
    """Describe a destination in a line: kind, days and time, names, whether it is off."""
    parts = [KIND_WORDS[item.kind][0]]
    if item.gets_digests:
        days = "on weekdays" if item.days == WORKDAYS else ", ".join(DAY_WORDS[day] for day in item.days)
        parts.append(f"{'every day' if len(item.days) == len(DAYS) else days} at {item.at}")
    parts.append(NAME_WORDS[item.names][0].lower())
    return " · ".join(parts if item.is_on else [*parts, "switched off"])


def _show_preview(view: View, item: Destination) -> None:
    if view.reader.anonymous and item.names != "pseudonym":
        st.caption("Names are hidden on this page, and this message has some, so it is not shown now.")
        return
    with guarded("messages"):
        st.code(plain_text(view.messages.preview(item.id)), language=None, wrap_lines=True)
        st.caption("This is not sent. Slack and the others show it in their own look.")


def _show_last(view: View, item: Destination) -> None:
    last = view.messages.messages(item.id)
    if not last:
        st.caption("Nothing was sent there yet.")
        return
    with st.expander(f"Last messages ({len(last)})", key=f"last-messages-{item.id}"):
        for message in last:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.text(_line(view, message), width="content")
                if message.may_repeat:
                    st.button(
                        "Send again",
                        key=f"again-{message.id}",
                        type="tertiary",
                        on_click=_do,
                        args=(view, item.id, "again", message.id),
                    )


def _line(view: View, message: Message) -> str:
    zone: tzinfo = view.maybe_cohort.tz if view.maybe_cohort else UTC
    what = {"digest": "Digest", "test": "Test", "ping": "Test"}.get(message.kind, message.kind)
    why = f" ({message.answer})" if message.answer and message.state not in ("delivered", "accepted") else ""
    at = parse_instant(message.tried_at or message.made_at)
    return f"{moment(at, zone)} · {what} · {STATE_WORDS[message.state]}{why}"


def _press(view: View, label: str, item: Destination, action: str) -> None:
    st.button(about(label, item.name), key=f"{action}-{item.id}", on_click=_do, args=(view, item.id, action))


def _add(view: View) -> None:
    """Ask for another destination."""
    number = st.session_state.setdefault(_NUMBER, 0)
    key = f"{_NUMBER}-{number}"
    with st.expander(
        "Send messages to another place",
        key=f"add-message-{number}",
        icon=":material/add:",
        expanded=not view.messages.destinations(),
    ):
        kind: Kind = st.segmented_control(
            "Where",
            list(KIND_WORDS),
            format_func=lambda option: KIND_WORDS[option][0],
            default="slack",
            required=True,
            key=f"{key}-kind",
        )
        st.caption(KIND_WORDS[kind][1])
        if kind == "email":
            _ask_mail(key)
        else:
            st.text_input(
                "Address",
                key=f"{key}-url",
                type="password",
                max_chars=4000,
                help="Whoever has this address can write there. It is kept like your password, never shown.",
            )
        st.text_input("A name for it", KIND_WORDS[kind][0], key=f"{key}-name-{kind}", max_chars=60, width=320)
        _ask_when(view, key, None, with_time=kind != "webhook")
        _ask_classes(view, key)
        st.button(
            "Add and send a test", key=f"{key}-add", type="primary", on_click=_create, args=(view, key, kind)
        )


def _ask_mail(key: str) -> None:
    st.text_input("Send to", key=f"{key}-email", max_chars=254, placeholder="kim@example.org")
    st.text_input("Mail server", key=f"{key}-host", max_chars=253, placeholder="smtp.example.org")
    st.selectbox(
        "Encryption", list(SECURITY_WORDS), format_func=SECURITY_WORDS.__getitem__, key=f"{key}-security"
    )
    st.text_input("User name there", key=f"{key}-user", max_chars=254)
    st.text_input("Password there", key=f"{key}-password", type="password", max_chars=1000)
    st.text_input("Sender, if it is another address", key=f"{key}-sender", max_chars=254)


def _ask_when(view: View, key: str, item: Destination | None, *, with_time: bool = True) -> None:
    """Ask for time, days and names."""
    if with_time:
        hour, minute = map(int, (item.at if item else "08:00").split(":"))
        st.time_input("Time", time(hour, minute), key=f"{key}-at", width=160)
        st.pills(
            "Days",
            list(DAYS),
            default=list(item.days if item else WORKDAYS),
            format_func=DAY_WORDS.__getitem__,
            selection_mode="multi",
            key=f"{key}-days",
        )
    allowed = NAMES[: NAMES.index(view.messages.most_names) + 1]
    present = item.names if item and item.names in allowed else allowed[0]
    names: Names = st.radio(
        "Students are named by",
        allowed,
        index=allowed.index(present),
        format_func=lambda option: NAME_WORDS[option][0],
        captions=[NAME_WORDS[option][1] for option in allowed],
        key=f"{key}-names",
    )
    if names == "full":
        st.caption("Your school has to agree that names are kept there.")
    if len(allowed) < len(NAMES):
        st.caption("An administrator decides whether names may leave the school.")


def _ask_classes(view: View, key: str) -> None:
    names = {status.id: status.name for status in view.classes if status.is_open}
    if len(names) > 1:
        st.multiselect(
            "Classes",
            list(names),
            format_func=lambda class_id: names.get(class_id, class_id),
            key=f"{key}-classes",
            placeholder="All of your classes, later ones too",
        )


def _choose_limit(view: View) -> None:
    """Let an administrator say how mentors may name students."""
    st.subheader("Names in the messages of mentors", anchor=False)
    present: Names = admin_of(view).settings().message_names
    is_fixed = "message_names" in set_by_environment()
    st.radio(
        "Mentors may send",
        NAMES,
        index=NAMES.index(present),
        format_func=lambda option: NAME_WORDS[option][0],
        captions=[NAME_WORDS[option][1] for option in NAMES],
        key=f"message-names-{present}",
        on_change=_save_limit,
        args=(view, f"message-names-{present}"),
        disabled=is_fixed,
    )
    if is_fixed:
        st.caption(FIXED)


def _show_secret() -> None:
    """Show the secret of a new webhook until it is put away."""
    if secret := st.session_state.get(_SECRET):
        with st.container(key="webhook-secret"):
            st.markdown("**The secret of the webhook**")
            st.caption("The receiver checks signatures with it. It is shown only now, so copy it.")
            st.code(secret, language=None, wrap_lines=True)
            st.button("Done", key="secret-done", on_click=lambda: st.session_state.pop(_SECRET, None))


# These run before the page does, so that one rerun shows the result.


def _create(view: View, key: str, kind: Kind) -> None:
    state = st.session_state
    done = None
    with guarded("messages", stop=False) as problems:
        at: Any = state.get(f"{key}-at")
        wanted = Wanted(
            state[f"{key}-name-{kind}"].strip() or KIND_WORDS[kind][0],
            kind,
            names=state[f"{key}-names"],
            at=f"{at:%H:%M}" if at else "08:00",
            days=state.get(f"{key}-days", WORKDAYS),
            class_ids=state.get(f"{key}-classes") or None,
        )
        fields = ("url", "email", "host", "security", "user", "password", "sender")
        address = {name: str(state.get(f"{key}-{name}") or "").strip() or None for name in fields}
        made, secret = view.messages.add(wanted, address)
        state[_NUMBER] += 1
        if secret is not None:
            state[_SECRET] = secret
        done = _send_test(view, made.id, problems)
    notices.keep(_NOTICE, problems, done)


def _send_test(view: View, number: int, problems: list[str]) -> str | None:
    """Send a test; return the words of success, or add what is wrong."""
    sent = view.messages.send_test(number)
    if sent.state in ("delivered", "accepted"):
        return f"A test went to {sent.destination.name}: look there now."
    problems.append(
        f"The test to {sent.destination.name} did not arrive ({sent.answer}). Check the address; if it is "
        "wrong, remove this place and add it again."
    )
    return None


def _save(view: View, number: int, key: str) -> None:
    state = st.session_state
    with guarded("messages", stop=False) as problems:
        at = f"{state[f'{key}-at']:%H:%M}"
        view.messages.change(number, names=state[f"{key}-names"], at=at, days=state[f"{key}-days"])
    notices.keep(_NOTICE, problems, "Saved.")


def _save_limit(view: View, key: str) -> None:
    with guarded("settings", stop=False) as problems:
        admin_of(view).change_settings(Preferences(message_names=st.session_state[key]))
    notices.keep(_NOTICE, problems, None)


def _do(view: View, number: int, action: str, message_id: int = 0) -> None:
    state = st.session_state
    done = None
    with guarded("messages", stop=False) as problems:
        item = view.messages.find(number)
        match action:
            case "preview":
                state[_SHOWN] = None if state.get(_SHOWN) == number else number
            case "test":
                done = _send_test(view, number, problems)
            case "switch":
                view.messages.change(number, is_on=not item.is_on)
                done = f"{item.name} is switched {'off' if item.is_on else 'on'}."
            case "remove":
                view.messages.remove(number)
                done = f"{item.name} is removed. Nothing more is sent there."
            case "again":
                message = view.messages.send_again(number, message_id)
                done = f"Sent again: {STATE_WORDS[message.state]}."
    notices.keep(_NOTICE, problems, done)
