"""Reads the messages of Streamlit's WebSocket for the door of the dashboard."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


class StreamlitMessages:
    """Implements `http.door.Messages`."""

    def is_by_person(self, data: bytes) -> bool:
        """Return whether the browser asks since a person did something, not since a timer ran out."""
        request = _parse(BackMsg(), data)
        return request.WhichOneof("type") == "rerun_script" and not request.rerun_script.is_auto_rerun

    def wanted_file(self, data: bytes) -> str | None:
        """Return the id of a deferred file that the browser asks for, if any."""
        request = _parse(BackMsg(), data)
        if request.WhichOneof("type") != "backend_operation_request":
            return None
        operation = request.backend_operation_request
        is_file = operation.WhichOneof("payload") == "deferred_file"
        return str(operation.deferred_file.file_id) if is_file else None

    def offered(self, data: bytes) -> Collection[str]:
        """Return the ids of deferred files and of the Streamlit session that an answer holds."""
        answer = _parse(ForwardMsg(), data)
        kind = answer.WhichOneof("type")
        if kind == "new_session":
            return [answer.new_session.initialize.session_id]
        if kind == "delta" and answer.delta.WhichOneof("type") == "new_element":
            element = answer.delta.new_element
            if element.WhichOneof("type") == "download_button":
                return [element.download_button.deferred_file_id] * bool(
                    element.download_button.deferred_file_id
                )
        return ()


def _parse(empty: Any, data: bytes) -> Any:
    """Parse a message; an unreadable message leaves it empty, and Streamlit answers it."""
    with suppress(DecodeError):
        empty.ParseFromString(data)
    return empty
