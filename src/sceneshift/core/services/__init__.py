"""Servers of a project's own, started by whoever needs them first."""
