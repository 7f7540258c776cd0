"""States of databases of PostgreSQL."""
