"""States of files of SQLite."""
