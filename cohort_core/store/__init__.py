"""The SQLite database: its schema, its locks and all its SQL statements."""
