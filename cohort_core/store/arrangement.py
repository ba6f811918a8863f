"""How a person arranged the dashboard, or without an account, whoever uses this computer."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any


def load_arrangement(connection: sqlite3.Connection, account_id: int | None) -> dict[str, Any]:
    """Load the arrangement of an account, or of this computer for None.

    It is empty if there is none.
    """
    row = (
        connection.execute("SELECT settings FROM arrangement WHERE id = 1")
        if account_id is None
        else connection.execute(
            "SELECT json_extract(settings, '$.arrangement') AS settings FROM accounts WHERE id = ?",
            (account_id,),
        )
    ).fetchone()
    kept = json.loads(row["settings"]) if row is not None and row["settings"] else {}
    return kept if isinstance(kept, dict) else {}


def save_arrangement(
    connection: sqlite3.Connection, account_id: int | None, wanted: Mapping[str, Any] | None
) -> None:
    """Save the arrangement of an account, or of this computer for None.

    Without `wanted` it is removed.
    """
    text = None if wanted is None else json.dumps(wanted, allow_nan=False)
    if account_id is None:
        connection.execute("DELETE FROM arrangement")
        if text is not None:
            connection.execute("INSERT INTO arrangement (id, settings) VALUES (1, ?)", (text,))
    elif text is None:
        connection.execute(
            "UPDATE accounts SET settings = json_remove(settings, '$.arrangement') WHERE id = ?",
            (account_id,),
        )
    else:
        connection.execute(
            "UPDATE accounts SET settings = json_set(settings, '$.arrangement', json(?)) WHERE id = ?",
            (text, account_id),
        )
