"""An orchestrator: people hand tasks of their projects to agents that run them."""
