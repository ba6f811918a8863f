"""Everything that knows how OpenClass speaks: the HTTP client and the shape of its answers."""
