"""What an editor needs to know of the project, and its files."""
