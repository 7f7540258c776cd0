"""Databases: whether their migrations are applied, and applying them."""
