"""A button that copies a text and reports the click. Streamlit's own buttons cannot do both."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

_HTML = "<button type='button'></button>"
_CSS = """
button { font: inherit; font-size: 0.9rem; color: inherit; background: none; border: none; cursor: pointer;
  padding: 0.25rem 0; opacity: 0.85; min-height: 2rem; white-space: nowrap; }
button:is(:hover, :focus-visible) { opacity: 1; text-decoration: underline; }
button:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
"""
_JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const button = parentElement.querySelector('button');
  button.textContent = '⧉ ' + data.label;
  const copyWithoutClipboard = (text) => {
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  };
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(data.text);
    } catch {
      // Without a secure connection the browser has no clipboard for pages.
      copyWithoutClipboard(data.text);
    }
    setTriggerValue('copied', true);
  };
}
"""


def show(label: str, text: str, *, key: str, on_copied: Callable[[], None]) -> None:
    """Show a button that copies `text`, and then calls `on_copied` before the next run of the script."""
    mount = st.components.v2.component("copy_button", html=_HTML, css=_CSS, js=_JS)
    mount(data={"label": label, "text": text}, key=key, on_copied_change=on_copied, width="content")
