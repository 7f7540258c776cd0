"""Copies of data that nobody can rebuild: taken, listed, put back, let go."""
