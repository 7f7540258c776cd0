"""The process that starts all others, and ends them when the supervisor is gone."""
