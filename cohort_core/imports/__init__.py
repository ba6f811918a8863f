"""Data from files: rosters, and the database of the earlier Rust tool."""
