"""For admins only, since no rule of `cohort_core.http.auth` names these paths."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from cohort_core.api.dependencies import (
    AdminFor,
    TokenName,
    api_router,
)
from cohort_core.api.pagination import CACHE_KEY, Moment, SendList, list_of
from cohort_core.api.schemas import (
    AuditRow,
    NewToken,
    SettingsChange,
    SettingsResponse,
    TokenRequest,
    TokenRow,
)
from cohort_core.export import tables
from cohort_core.services.commands import AdminCommands
from cohort_core.store.tokens import Token

router = api_router()


@router.get("/tokens", response_model=list_of(TokenRow), tags=["Administration"])
def tokens(admin: AdminFor, send: SendList) -> Response:
    """The tokens in the order in which they were made, those that are revoked included."""
    rows = [_told_token(one) for one in admin.tokens()]
    return send(tables.Table("tokens", TokenRow, rows), Moment())


@router.post("/tokens", response_model=NewToken, status_code=HTTPStatus.CREATED, tags=["Administration"])
def create_token(admin: AdminFor, wanted: TokenRequest) -> JSONResponse:
    """Make a token and tell it, this once. As soon as there is one, every request needs one.

    Make the first one an admin's, or later ones can be made on the server's own computer only.
    """
    made, secret = admin.create_token(wanted.name, wanted.role, wanted.class_ids, wanted.expires)
    answer = _told_token(made) | {"token": secret}
    return JSONResponse(answer, HTTPStatus.CREATED, {"Cache-Control": "no-store"})


@router.delete("/tokens/{name}", status_code=HTTPStatus.NO_CONTENT, tags=["Administration"])
def revoke_token(admin: AdminFor, name: TokenName) -> None:
    """Let a token in no more, from this moment on."""
    admin.revoke_token(name)


@router.get("/audit", response_model=list_of(AuditRow), tags=["Administration"])
def audit(admin: AdminFor, send: SendList) -> Response:
    """Exports, reports, backups, purges, changes of settings and tokens, the newest first."""
    rows = [asdict(one) for one in admin.events()]
    return send(tables.Table("audit", AuditRow, rows), Moment())


@router.get("/settings", response_model=SettingsResponse, tags=["Administration"])
def settings(request: Request, admin: AdminFor) -> SettingsResponse:
    """The settings that can be changed while everything runs."""
    request.scope["state"][CACHE_KEY] = None
    return _told_settings(admin)


@router.patch("/settings", response_model=SettingsResponse, tags=["Administration"])
def change_settings(admin: AdminFor, wanted: SettingsChange) -> SettingsResponse:
    """Change the settings that are named, and tell all of them. They hold at once and everywhere."""
    admin.change_settings(wanted)
    return _told_settings(admin)


def _told_token(one: Token) -> dict[str, Any]:
    class_ids = None if one.class_ids is None else sorted(one.class_ids)
    return {name: getattr(one, name) for name in TokenRow.model_fields} | {"class_ids": class_ids}


def _told_settings(admin: AdminCommands) -> SettingsResponse:
    return SettingsResponse(**dict(admin.settings()), set_by_environment=admin.fixed_settings())
