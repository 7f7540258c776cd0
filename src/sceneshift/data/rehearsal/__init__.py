"""Migrations tried on a copy of a database before they are applied to it."""
