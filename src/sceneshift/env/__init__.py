"""The environments of a project: what they are, and whether they hold."""
