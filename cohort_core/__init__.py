"""Cohort Tracker shows a mentor who needs a message and what to teach again.

Importing this package imports nothing else, so that each command and page loads only what it uses.
"""
