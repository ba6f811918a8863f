"""Everything between a socket and the API: sign-in by token, limits, guards, the request log."""
