"""Cohort Tracker: who needs a message today, and which assignment to teach again.

Importing this package imports nothing else: each command and page pays only for what it uses.
"""
