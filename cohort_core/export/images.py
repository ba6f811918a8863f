"""Charts as files: PNG and SVG, for a slide, a message or a report.

On a page a chart takes its colours from the theme, and its legend stands above it. A file must be complete in
itself: light, with a title, the class and the instant that it shows, and a legend of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from cohort_core.errors import NotInstalled

PictureFormat = Literal["png", "svg"]

WIDTH = 860
SCALE = 2
"""Pixels of a PNG for each unit of width."""
NOT_INSTALLED = (
    "Pictures of charts need a part that is not installed. Run `pip install 'cohort-tracker[reports]'`."
)

_INK, _QUIET, _LINES = "#1e2a2d", "#56646a", "#dfe6e6"
_CONFIG: dict[str, Any] = {
    "background": "#ffffff",
    "padding": 16,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "color": _INK,
        "fontSize": 18,
        "fontWeight": 600,
        "subtitleColor": _QUIET,
        "subtitleFontSize": 12,
        "subtitlePadding": 5,
        "offset": 12,
    },
    "axis": {
        "labelColor": _QUIET,
        "titleColor": _QUIET,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 12,
        "gridColor": _LINES,
        "domainColor": _LINES,
        "tickColor": _LINES,
    },
    "legend": {"labelColor": _INK, "titleColor": _QUIET, "labelFontSize": 12, "orient": "top"},
}


@dataclass(frozen=True)
class Picture:
    """A chart and the words that it needs away from its page."""

    chart: Any
    title: str
    attribution: str
    """The class that is shown, and the instant."""
    width: int = WIDTH

    def png(self) -> bytes:
        """Render the chart as PNG.

        Raises NotInstalled without the renderer.
        """
        rendered: bytes = _converter().vegalite_to_png(self._spec(), scale=SCALE, allowed_base_urls=[])
        return rendered

    def svg(self) -> bytes:
        """Render the chart as SVG.

        Raises NotInstalled without the renderer.
        """
        rendered: str = _converter().vegalite_to_svg(self._spec(), allowed_base_urls=[])
        return rendered.encode()

    def _spec(self) -> dict[str, Any]:
        from cohort_core.charts.vega import whole_spec

        spec = whole_spec(self.chart)
        _show_legends(spec)
        title = {"text": self.title, "subtitle": self.attribution}
        return {**spec, "width": self.width, "title": title, "config": _CONFIG}


KINDS: dict[PictureFormat, tuple[str, Callable[[Picture], bytes]]] = {
    "png": ("image/png", Picture.png),
    "svg": ("image/svg+xml", Picture.svg),
}


def is_possible() -> bool:
    """Return whether the renderer is installed, without loading it, since it is large."""
    return find_spec("vl_convert") is not None


def _converter() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise NotInstalled(NOT_INSTALLED) from None
    return vl_convert


def _show_legends(part: Any) -> None:
    """Add a legend for the colours that the page explains above the chart."""
    if isinstance(part, list):
        for layer in part:
            _show_legends(layer)
    elif isinstance(part, dict):
        colour = part.get("encoding", {}).get("color")
        if isinstance(colour, dict) and colour.get("type") == "nominal" and colour.get("legend", 0) is None:
            colour["legend"] = {"title": None}
        _show_legends(part.get("layer"))
