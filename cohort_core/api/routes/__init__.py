"""The routes, one module per theme."""
