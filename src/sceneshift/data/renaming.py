"""The names of files that are on the way into the project."""

# What begins with the first two is an editor's lock to Alembic, and not read.
MARK = ".#sceneshift-"
JOURNAL = "squash.json"  # what a squash was about to do, beside the locks
