"""Tokens, the audit, settings, and which classes are active.

These routes are for admins only, because no rule of `cohort_core.http.auth` names their paths.
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from cohort_core.api.dependencies import (
    CLASS_PATH,
    AdminFor,
    ClassReference,
    ReadSyncs,
    TokenName,
    api_router,
)
from cohort_core.api.pagination import CACHE_KEY, Moment, SendList, list_of
from cohort_core.api.schemas import (
    AuditRow,
    ClassRow,
    NewToken,
    SettingsChange,
    SettingsResponse,
    TokenRequest,
    TokenRow,
)
from cohort_core.export import tables
from cohort_core.services.admin_commands import AdminCommands
from cohort_core.services.reader import Reader
from cohort_core.store.tokens import Token

router = api_router()


@router.get("/tokens", response_model=list_of(TokenRow), tags=["Administration"])
def tokens(admin: AdminFor, send: SendList) -> Response:
    """List all tokens in the order in which they were made, including revoked ones."""
    rows = [_token_row(token) for token in admin.tokens()]
    return send(tables.Table("tokens", TokenRow, rows), Moment())


@router.post("/tokens", response_model=NewToken, status_code=HTTPStatus.CREATED, tags=["Administration"])
def create_token(admin: AdminFor, body: TokenRequest) -> JSONResponse:
    """Make a token and return it, this once.

    As soon as there is one, every request needs one. Make the first one an admin's, or later ones can be
    made on the server's own computer only.
    """
    token, secret = admin.create_token(body.name, body.role, body.class_ids, body.expires)
    content = _token_row(token) | {"token": secret}
    return JSONResponse(content, HTTPStatus.CREATED, {"Cache-Control": "no-store"})


@router.delete("/tokens/{name}", status_code=HTTPStatus.NO_CONTENT, tags=["Administration"])
def revoke_token(admin: AdminFor, name: TokenName) -> None:
    """Refuse a token from now on."""
    admin.revoke_token(name)


@router.get("/audit", response_model=list_of(AuditRow), tags=["Administration"])
def audit(admin: AdminFor, send: SendList) -> Response:
    """List exports, reports, backups, purges, changes of settings and tokens, newest first."""
    rows = [asdict(event) for event in admin.events()]
    return send(tables.Table("audit", AuditRow, rows), Moment())


@router.get("/settings", response_model=SettingsResponse, tags=["Administration"])
def settings(request: Request, admin: AdminFor) -> SettingsResponse:
    """Return the settings that can be changed while the server runs."""
    request.scope["state"][CACHE_KEY] = True
    return _settings_response(admin)


@router.patch("/settings", response_model=SettingsResponse, tags=["Administration"])
def change_settings(admin: AdminFor, body: SettingsChange) -> SettingsResponse:
    """Change the settings that are named, and return all of them.

    Changes take effect at once, everywhere.
    """
    admin.change_settings(body)
    return _settings_response(admin)


@router.post(f"{CLASS_PATH}/deactivate", response_model=ClassRow, tags=["Class"])
def deactivate_class(admin: AdminFor, read: ReadSyncs, class_id: ClassReference) -> JSONResponse:
    """Leave a class out of syncs that name none. What was synced stays."""
    return _set_active(admin, read, class_id, active=False)


@router.post(f"{CLASS_PATH}/activate", response_model=ClassRow, tags=["Class"])
def activate_class(admin: AdminFor, read: ReadSyncs, class_id: ClassReference) -> JSONResponse:
    """Include a class in every sync that names none."""
    return _set_active(admin, read, class_id, active=True)


def _set_active(admin: AdminCommands, read: Reader, class_id: str, *, active: bool) -> JSONResponse:
    (changed_id,) = admin.set_active([class_id], active=active)
    status = next(status for status in read.statuses() if status.id == changed_id)
    return JSONResponse({name: getattr(status, name) for name in ClassRow.model_fields})


def _token_row(token: Token) -> dict[str, Any]:
    class_ids = None if token.class_ids is None else sorted(token.class_ids)
    return {name: getattr(token, name) for name in TokenRow.model_fields} | {"class_ids": class_ids}


def _settings_response(admin: AdminCommands) -> SettingsResponse:
    return SettingsResponse(**dict(admin.settings()), set_by_environment=admin.fixed_settings())
