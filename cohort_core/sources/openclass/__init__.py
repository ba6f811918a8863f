"""OpenClass: its HTTP client and the format of its responses."""
