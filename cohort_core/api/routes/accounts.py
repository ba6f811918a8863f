"""Accounts of people, their invitations and sessions.

These routes are for admins only, because no rule of `cohort_core.http.auth` names their paths.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi.responses import JSONResponse, Response

from cohort_core.api.account_schemas import (
    AccountChange,
    AccountRequest,
    AccountRow,
    Invitation,
    NewAccount,
    SessionRow,
)
from cohort_core.api.dependencies import AccountId, AccountsFor, OfAccount, api_router
from cohort_core.api.pagination import Moment, SendList, list_of
from cohort_core.export import tables
from cohort_core.services.account_commands import shown_fields

router = api_router()
_UNCACHED = {"Cache-Control": "no-store"}


@router.get("/accounts", response_model=list_of(AccountRow), tags=["Administration"])
def accounts(admin: AccountsFor, send: SendList) -> Response:
    """List the accounts of people, in the order in which they were made.

    Deleted ones are left out.
    """
    rows = [shown_fields(account) for account in admin.accounts()]
    return send(tables.Table("accounts", AccountRow, rows), Moment())


@router.post("/accounts", response_model=NewAccount, status_code=HTTPStatus.CREATED, tags=["Administration"])
def create_account(admin: AccountsFor, body: AccountRequest) -> JSONResponse:
    """Make an account; without a password, also a link that sets one.

    From the first account on the dashboard asks everybody to sign in.
    """
    account = admin.create(
        body.name,
        body.role,
        body.class_ids,
        email=body.email,
        groups=body.groups,
        password=body.password,
    )
    invitation = None if body.password else admin.address_of(admin.invite(account.id))
    content = shown_fields(account) | {"invitation": invitation}
    return JSONResponse(content, HTTPStatus.CREATED, _UNCACHED)


@router.patch("/accounts/{account}", response_model=AccountRow, tags=["Administration"])
def change_account(admin: AccountsFor, account_id: AccountId, body: AccountChange) -> JSONResponse:
    """Change what is named.

    A new role, other classes or disabling end the person's sessions at once.
    """
    what = body.model_dump(exclude_unset=True)
    if "class_ids" in what:
        what["references"] = what.pop("class_ids")
    return JSONResponse(shown_fields(admin.change(account_id, **what)))


@router.delete("/accounts/{account}", status_code=HTTPStatus.NO_CONTENT, tags=["Administration"])
def delete_account(admin: AccountsFor, account_id: AccountId) -> None:
    """Delete an account. What the person noted stays, and nobody else gets the name."""
    admin.delete(account_id)


@router.post(
    "/accounts/{account}/invite",
    response_model=Invitation,
    status_code=HTTPStatus.CREATED,
    tags=["Administration"],
)
def invite(admin: AccountsFor, account_id: AccountId) -> JSONResponse:
    """Make a link that sets a new password, once, within seven days. Earlier links end."""
    content = {"invitation": admin.address_of(admin.invite(account_id))}
    return JSONResponse(content, HTTPStatus.CREATED, _UNCACHED)


@router.get("/sessions", response_model=list_of(SessionRow), tags=["Administration"])
def sessions(admin: AccountsFor, send: SendList) -> Response:
    """List who is signed in where, the latest first."""
    names = {account.id: account.name for account in admin.accounts()}
    rows = [
        {
            "account_id": session.account_id,
            "name": names.get(session.account_id),
            "label": session.label,
            "opened_at": session.opened_at,
            "seen_at": session.seen_at,
            "ends_at": session.ends_at,
        }
        for session in admin.sessions()
    ]
    return send(tables.Table("sessions", SessionRow, rows), Moment())


@router.delete("/sessions", status_code=HTTPStatus.NO_CONTENT, tags=["Administration"])
def end_sessions(admin: AccountsFor, account_id: OfAccount = None) -> None:
    """End all sessions of an account at once, or without an account those of everybody.

    Their open pages close. The token that asks stays.
    """
    if account_id is None:
        admin.end_all_sessions()
    else:
        admin.end_sessions(account_id)
