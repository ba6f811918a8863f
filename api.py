"""The JSON API as an app of its own: `uvicorn api:app`.

`cohort-tracker serve` runs it together with the dashboard.
"""

from cohort_core.api.app import create_app

__all__ = ["app", "create_app"]

app = create_app()
