"""What `inv` loads: Sceneshift's commands, and this project's from `tasks/`."""

from sceneshift import namespace

ns = namespace()
