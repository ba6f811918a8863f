"""The JSON API: every report of the dashboard at a path, for people who automate."""
