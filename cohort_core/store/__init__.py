"""The SQLite file: its schema, its locks, and every statement that reads or writes it."""
