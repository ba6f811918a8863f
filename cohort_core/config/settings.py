"""What a mentor can set: the environment goes over ``config.toml``."""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import tomli_w
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
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
PATIENCE_SECONDS = 45.0
"""How long to wait for others who change settings, each of whom may wait for the database."""


class Settings(BaseSettings):
    """One mentor's settings. ``COHORT_APP_ID`` in the environment goes over ``app_id`` in the file."""

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
    cors_origins: tuple[str, ...] = Field(
        (), description='other web sites that may ask the API, e.g. ["https://tools.example.org"]'
    )
    public_url: str | None = Field(
        None, description="the address under which people open this, e.g. https://tracker.example.org"
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
    def _keeps_secrets_from_the_wire(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
            raise ValueError("must start with https://, since the password travels over it")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            parts = urlsplit(one)
            if parts.scheme not in {"http", "https"} or one != f"{parts.scheme}://{parts.netloc.lower()}":
                raise ValueError("must be origins such as https://tools.example.org, without a path")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_public_address(cls, value: str | None) -> str | None:
        """Accept https, and http on this computer; without a slash at the end, so that paths can follow."""
        return None if value is None else _public_url(value)

    @field_validator("timezone")
    @classmethod
    def _is_time_zone(cls, value: str | None) -> str | None:
        return _time_zone(value)

    @property
    def is_connected(self) -> bool:
        """Whether everything but the password is there to ask OpenClass for something."""
        return bool(self.app_id and self.origin and self.email)

    @cached_property
    def default_timezone(self) -> str:
        """The time zone of classes that have none of their own: as set, else this computer's."""
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
        if not isinstance(init_settings, InitSettingsSource):
            return (init_settings, env_settings)
        given = dict(init_settings.init_kwargs)
        home = given.pop("home", None)
        overrides = InitSettingsSource(settings_cls, init_kwargs=given)
        if home is None:
            return (overrides, env_settings)
        return (overrides, env_settings, TomlConfigSettingsSource(settings_cls, home.config))


class Preferences(BaseModel):
    """The settings that can be changed while everything runs. None means the default of this program."""

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
    thresholds: Thresholds = Field(default=DEFAULTS, description="Where bands, stages and ranks begin.")

    @field_validator("timezone")
    @classmethod
    def _is_time_zone(cls, value: str | None) -> str | None:
        return _time_zone(value)


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


def _time_zone(value: str | None) -> str | None:
    if value is not None and value not in available_timezones():
        raise ValueError("must be the name of a time zone such as Europe/Berlin")
    return value


def load_settings(home: Home, **overrides: Any) -> Settings:
    """Settings of ``home``; ``overrides`` that are not None go over environment and file.

    Raises ``BadSettings`` that names the setting and never its value.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(home=home, **given)  # type: ignore[call-arg]
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])} {_wrong(problem['type'], problem['msg'])}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise BadSettings(
            f"A setting cannot be used: {problems}. Correct it in {home.config} or in the environment "
            "variable COHORT_<SETTING>."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError):
        raise BadSettings(
            f"The settings in {home.config} cannot be read. Correct the file, or delete it and run "
            "`cohort-tracker init` again."
        ) from None


def _wrong(kind: str, message: str) -> str:
    """What pydantic finds wrong, to be read after the name of the setting."""
    if kind == "extra_forbidden":
        return "is not known"
    return message.removeprefix("Value error, ").replace("Input should", "should")


@contextlib.contextmanager
def settings_lock(home: Home) -> Iterator[None]:
    """Within this, nobody else changes settings: in no thread and no process.

    Who reads them in order to change them does that within, too; it may be entered again. Raises
    ``SettingsBusy`` if somebody else does not come to an end.
    """
    home.ensure()
    lock = FileLock(home.config_lock, mode=PRIVATE_FILE, is_singleton=True)
    try:
        lock.acquire(timeout=PATIENCE_SECONDS)
    except Timeout:
        raise SettingsBusy(
            "Another program has been changing the settings for too long. End it, and try again."
        ) from None
    try:
        yield
    finally:
        lock.release()


def save_settings(home: Home, **values: Any) -> None:
    """Write settings into ``config.toml``, keeping those that are not named. None removes one."""
    if "password" in values:
        raise ValueError("a password never goes into config.toml")
    with settings_lock(home):
        stored: dict[str, Any] = {}
        if home.config.exists():
            with contextlib.suppress(tomllib.TOMLDecodeError, UnicodeDecodeError):
                stored = tomllib.loads(home.config.read_text("utf-8"))
        for name, value in values.items():
            if value is None:
                stored.pop(name, None)
            else:
                stored[name] = value
        home.write_private(home.config, tomli_w.dumps(stored))


def save_preferences(home: Home, wanted: Preferences) -> None:
    """Write those that are named. A threshold that is the default, or that the environment gives, is left out
    of the file.
    """
    kept = wanted.model_dump(include=wanted.model_fields_set - {"thresholds"})
    if "anonymous" in kept:
        kept["anonymous"] = wanted.anonymous or None
    if "thresholds" in wanted.model_fields_set:
        given = set_by_environment()
        own = {name: value for name, value in wanted.thresholds.changed.items() if name not in given}
        kept["thresholds"] = own or None
    save_settings(home, **kept)


def merge_preferences(wanted: Preferences, known: Preferences) -> Preferences:
    """What ``wanted`` names, with the thresholds that it does not name as they are in ``known``.

    Raises ``BadInput`` if they do not go together.
    """
    named = wanted.model_dump(exclude_unset=True)
    if "thresholds" in named:
        named["thresholds"] = known.thresholds.model_dump() | named["thresholds"]
    try:
        return Preferences.model_validate(named)
    except ValidationError as error:
        (problem, *_) = error.errors(include_input=False, include_url=False)
        name = ".".join(str(part) for part in problem["loc"])
        raise BadInput(
            f"{name} {_wrong(problem['type'], problem['msg'])}. Correct this and ask again.", parameter=name
        ) from None


def set_by_environment() -> frozenset[str]:
    """The settings that the environment gives, single thresholds by their own names. What is written into the
    file does not move them.
    """
    given = {name.casefold() for name, value in os.environ.items() if value}
    own = {name for name in Settings.model_fields if f"cohort_{name}" in given}
    limits = {name for name in Thresholds.model_fields if f"cohort_thresholds__{name}" in given}
    return frozenset(own | limits | (Thresholds.model_fields.keys() if "thresholds" in own else set()))


def is_connected(home: Home) -> bool:
    return load_settings(home).is_connected
