"""States of databases by branch of git."""
