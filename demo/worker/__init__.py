"""The process that runs queued tasks."""
