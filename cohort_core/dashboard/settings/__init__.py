"""Sections of the Settings page, one file each."""
