"""The settings: the environment takes precedence over ``config.toml``."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import shlex
import tomllib
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import tomli_w
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from cohort_core.config.paths import PRIVATE_FILE, Home
from cohort_core.config.thresholds import DEFAULTS, Thresholds
from cohort_core.errors import BadInput, BadSettings, SettingsBusy

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
AUTHORITIES_OF_ANYBODY = frozenset(
    {"common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"}
)
"""The words that Entra has for everybody, in the place of a tenant.

The last is the tenant of personal accounts.
"""
LOCK_TIMEOUT_SECONDS = 45.0
"""How long to wait for other changes of settings, which may wait for the database."""


class Settings(BaseSettings):
    """The settings of one mentor.

    ``COHORT_APP_ID`` in the environment takes precedence over ``app_id`` in the file.
    """

    model_config = SettingsConfigDict(
        env_prefix="COHORT_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    api_base: str = Field("https://api.openclass.ai", description="address of the OpenClass API")
    app_id: str | None = Field(None, description="the school's application id")
    origin: str | None = Field(None, description="the school's class site, e.g. https://class.example.org")
    email: str | None = Field(None, description="the mentor's email at OpenClass")
    password: SecretStr | None = Field(None, description="from the environment only; else keyring or file")
    timezone: str | None = Field(None, description="default time zone of classes, e.g. Europe/Berlin")
    sync_rate: float = Field(5.0, ge=0, le=1000, description="requests a second, 0 for no limit")
    sync_every: str | None = Field(None, description="sync by itself so often while serving, e.g. 30m")
    anonymous: bool = Field(False, description="pseudonyms for everybody, everywhere, for talks")
    mentor_name: str | None = Field(None, description="your name, below the drafts of messages")
    cors_origins: tuple[str, ...] = Field(
        (), description='other web sites that may ask the API, e.g. ["https://tools.example.org"]'
    )
    public_url: str | None = Field(
        None, description="the address under which people open this, e.g. https://tracker.example.org"
    )
    session_idle_hours: float = Field(
        12.0, ge=0.25, le=24 * 31, description="hours without use after which a person signs in again"
    )
    session_days: float = Field(
        14.0, gt=0, le=366, description="days after which a person signs in again in any case"
    )
    demand_second_factor: bool = Field(
        False, description="administrators without a second factor may only look, until they have set one up"
    )
    student_page: bool = Field(
        False, description="students see their own progress, by a link that a mentor makes"
    )
    student_notes: bool = Field(False, description="they also read the notes of messages and talks with them")
    oidc_issuer: str | None = Field(
        None, description="the school's sign-in by OpenID Connect, e.g. https://accounts.google.com"
    )
    oidc_client_id: str | None = Field(None, description="what the school's sign-in calls this program")
    oidc_client_secret: SecretStr | None = Field(
        None, description="from the environment only; else keyring or file"
    )
    oidc_name: str | None = Field(None, description="whose sign-in it is, for the button, e.g. Google")
    message_names: Literal["pseudonym", "initial", "full"] = Field(
        "pseudonym",
        description="how much of students' names may leave in messages of people who are no administrators",
    )
    thresholds: Thresholds = Field(DEFAULTS, description="where bands, stages and ranks begin")
    practice: bool = Field(False, description="serve the practice school beside the dashboard")

    @field_validator("api_base", "origin")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ValueError("must be a web address such as https://class.example.org")
        return value.strip().rstrip("/")

    @field_validator("api_base")
    @classmethod
    def _is_plain(cls, value: str) -> str:
        if "?" in value or "#" in value:
            raise ValueError("must end before any ? or #, since paths follow it")
        return value

    @field_validator("api_base")
    @classmethod
    def _is_encrypted_or_local(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
            raise ValueError("must start with https://, since the password travels over it")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or origin != f"{parts.scheme}://{parts.netloc.lower()}":
                raise ValueError("must be origins such as https://tools.example.org, without a path")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_public_address(cls, value: str | None) -> str | None:
        """Accept https, and http on this computer; drop the slash at the end."""
        return None if value is None else _public_url(value)

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        return None if value is None else check_issuer(value)

    @field_validator("timezone")
    @classmethod
    def _is_time_zone(cls, value: str | None) -> str | None:
        return _time_zone(value)

    @field_validator("mentor_name", "oidc_name")
    @classmethod
    def _is_name(cls, value: str | None) -> str | None:
        return checked_line(value)

    @cached_property
    def default_timezone(self) -> str:
        """The time zone of classes without their own: the setting, else this computer's."""
        if self.timezone:
            return self.timezone
        import tzlocal

        try:
            name = tzlocal.get_localzone_name()
        except (LookupError, ValueError, OSError):
            return "UTC"
        return name if name in available_timezones() else "UTC"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read from overrides, then from the environment, then from the file of the home."""
        if not isinstance(init_settings, InitSettingsSource):
            return (init_settings, env_settings)
        given = dict(init_settings.init_kwargs)
        home = given.pop("home", None)
        overrides = InitSettingsSource(settings_cls, init_kwargs=given)
        if home is None:
            return (overrides, env_settings)
        return (overrides, env_settings, TomlConfigSettingsSource(settings_cls, home.config))


class Preferences(BaseModel):
    """The settings that can be changed while the program runs. None means the default."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    timezone: str | None = Field(
        default=None,
        description="Time zone of classes that have none of their own; null: this computer's.",
        examples=["Europe/Berlin"],
    )
    sync_every: str | None = Field(
        default=None,
        description="Sync by itself so often while serving, such as 30m; null: do not.",
        examples=["30m"],
    )
    anonymous: bool = Field(default=False, description="Pseudonyms for everybody, everywhere.")
    mentor_name: str | None = Field(
        default=None,
        description="Your name, below the drafts of messages; null: the line with it is left out.",
        examples=["Kim Berg"],
    )
    message_names: Literal["pseudonym", "initial", "full"] = Field(
        default="pseudonym",
        description="How students may be named in digests and events that mentors send out of the school.",
    )
    student_page: bool = Field(
        default=False, description="Students see their own progress, by a link that a mentor makes."
    )
    student_notes: bool = Field(
        default=False, description="They also read the notes of messages and talks with them."
    )
    thresholds: Thresholds = Field(default=DEFAULTS, description="Where bands, stages and ranks begin.")

    @field_validator("timezone")
    @classmethod
    def _is_time_zone(cls, value: str | None) -> str | None:
        return _time_zone(value)

    @field_validator("mentor_name")
    @classmethod
    def _is_name(cls, value: str | None) -> str | None:
        return checked_line(value)


def check_issuer(value: str) -> str:
    """Return the address of an identity provider as it was given, without spaces around it.

    The provider repeats it in each token, so a slash at its end counts. Raises ``ValueError`` for an address
    that cannot be used, with the end of a sentence.
    """
    issuer = value.strip()
    try:
        _public_url(issuer)
    except ValueError:
        raise ValueError(
            "must be an address such as https://accounts.google.com; http only on this computer"
        ) from None
    first = urlsplit(issuer).path.strip("/").partition("/")[0]
    if first.casefold() in AUTHORITIES_OF_ANYBODY:
        raise ValueError(
            "must name one tenant: at this address people of any school sign in, also with addresses that "
            "are not theirs. Put the id of your tenant in the place of the word"
        )
    return issuer


def _public_url(value: str) -> str:
    problem = "must be an address such as https://tracker.example.org; http only on this computer"
    try:
        parts = urlsplit(value.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(problem) from None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_HOSTS)
    # A name with a password, a query or a fragment is no place where paths can follow.
    is_plain = "@" not in parts.netloc and not re.search(r"[?#\\\s]", value.strip())
    if not host or not is_safe or not is_plain:
        raise ValueError(problem)
    return value.strip().rstrip("/")


def checked_line(value: str | None) -> str | None:
    """Return a name of one line without spaces around it, None for an empty one.

    Raises ``ValueError`` for any other.
    """
    name = (value or "").strip()
    if len(name) > 80 or any(
        unicodedata.category(letter).startswith(("C", "Z")) for letter in name if letter != " "
    ):
        raise ValueError("must be one line of at most 80 characters")
    return name or None


def _time_zone(value: str | None) -> str | None:
    if value is not None and value not in available_timezones():
        raise ValueError("must be the name of a time zone such as Europe/Berlin")
    return value


def load_settings(home: Home, **overrides: Any) -> Settings:
    """Load the settings of ``home``.

    ``overrides`` that are not None take precedence over the environment and the file. Raises ``BadSettings``,
    which names the setting and never its value.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    if home.config.exists() and not home.config.is_file():
        raise BadSettings(f"{home.config} is a folder, and has to be a file. Move it away.")
    try:
        return Settings(home=home, **given)  # type: ignore[call-arg]
    except ValidationError as error:
        problems = "; ".join(map(_describe_problem, error.errors(include_input=False, include_url=False)))
        raise BadSettings(
            f"A setting cannot be used: {problems}. Correct it in {home.config} or in the environment "
            "variable COHORT_<SETTING>."
        ) from None
    except OSError as error:
        raise BadSettings(unreadable(home.config, error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise BadSettings(
            f"The settings in {home.config} cannot be read. Correct the file, or delete it and run "
            "`cohort-tracker init` again."
        ) from None


def unreadable(path: Path, error: OSError) -> str:
    """Say that the system refuses to read a file, and what to do."""
    return (
        f"{path} cannot be read ({error.strerror}). Make it yours to read: `chmod 600 "
        f"{shlex.quote(str(path))}`, or change its owner."
    )


def unknown_settings(home: Home) -> list[str]:
    """Name the keys of ``config.toml`` that are no settings.

    Each comes with the setting that it was most likely meant to be.

    They are ignored, as a later version may have written them. An unreadable file has none.
    """
    try:
        stored = tomllib.loads(home.config.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return []
    names = list(Settings.model_fields)
    unknown = []
    for key in stored:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            unknown.append(f"{key} (did you mean {near[0]}?)" if near else key)
    return unknown


def _name_of(problem: ErrorDetails) -> str:
    return ".".join(str(part) for part in problem["loc"])


def _describe_problem(problem: ErrorDetails) -> str:
    """Describe a problem that pydantic reports, beginning with the name of the setting."""
    if problem["type"] == "extra_forbidden":
        return f"{_name_of(problem)} is not known"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should", "should")
    return f"{_name_of(problem)} {message}"


@contextlib.contextmanager
def settings_lock(home: Home) -> Iterator[None]:
    """Hold the lock that keeps other threads and processes from changing settings.

    To change settings that depend on the present ones, read them within the lock, too. A thread may enter it
    again. Raises ``SettingsBusy`` if another one holds it for too long.
    """
    home.ensure()
    lock = FileLock(home.config_lock, mode=PRIVATE_FILE, is_singleton=True)
    try:
        lock.acquire(timeout=LOCK_TIMEOUT_SECONDS)
    except Timeout:
        raise SettingsBusy(
            "Another program has been changing the settings for too long. End it, and try again."
        ) from None
    try:
        yield
    finally:
        lock.release()


def save_settings(home: Home, **values: Any) -> None:
    """Write settings into ``config.toml`` and keep the others. None removes a setting."""
    if {"password", "oidc_client_secret"} & values.keys():
        raise ValueError("a password or secret never goes into config.toml")
    with settings_lock(home):
        stored: dict[str, Any] = {}
        if home.config.exists():
            with contextlib.suppress(tomllib.TOMLDecodeError, UnicodeDecodeError):
                stored = tomllib.loads(_read_config(home))
        for name, value in values.items():
            if value is None:
                stored.pop(name, None)
            else:
                stored[name] = value
        home.write_private(home.config, tomli_w.dumps(stored))


def _read_config(home: Home) -> str:
    try:
        return home.config.read_text("utf-8")
    except OSError as error:
        raise BadSettings(unreadable(home.config, error)) from None


def save_preferences(home: Home, wanted: Preferences) -> None:
    """Write the preferences that are set in ``wanted``.

    Thresholds that equal the default, or that the environment sets, are left out of the file.
    """
    kept = wanted.model_dump(include=wanted.model_fields_set - {"thresholds"})
    for name in ("anonymous", "student_page", "student_notes"):
        if name in kept:
            kept[name] = kept[name] or None
    if "thresholds" in wanted.model_fields_set:
        fixed = set_by_environment()
        changed = {name: value for name, value in wanted.thresholds.changed.items() if name not in fixed}
        kept["thresholds"] = changed or None
    save_settings(home, **kept)


def merge_preferences(wanted: Preferences, current: Preferences) -> Preferences:
    """Return the preferences set in ``wanted``, with its missing thresholds from ``current``.

    Raises ``BadInput`` if the thresholds contradict each other.
    """
    named = wanted.model_dump(exclude_unset=True)
    if "thresholds" in named:
        named["thresholds"] = current.thresholds.model_dump() | named["thresholds"]
    try:
        return Preferences.model_validate(named)
    except ValidationError as error:
        (problem, *_) = error.errors(include_input=False, include_url=False)
        raise BadInput(
            f"{_describe_problem(problem)}. Correct this and ask again.", parameter=_name_of(problem)
        ) from None


def set_by_environment() -> frozenset[str]:
    """Return the names of settings and thresholds that the environment sets.

    A change of the file does not change these.
    """
    given = {name.casefold() for name, value in os.environ.items() if value}
    own = {name for name in Settings.model_fields if f"cohort_{name}" in given}
    limits = {name for name in Thresholds.model_fields if f"cohort_thresholds__{name}" in given}
    return frozenset(own | limits | (Thresholds.model_fields.keys() if "thresholds" in own else set()))
