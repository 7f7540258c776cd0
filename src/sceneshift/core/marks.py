"""By what the processes and the state of a stack are found again."""

from __future__ import annotations

# Every process of a stack has these in its environment: the folder of the project, and
# an id of the one run. The guard, which must stay tiny, has them in `dev.guard.child`.
ROOT_VARIABLE = "SCENESHIFT_ROOT"
STACK_VARIABLE = "SCENESHIFT_STACK"

# In the state folder: held by the running stack, and with the id of the last one that
# did not end in order, or of the one that runs.
LOCK_FILE = "dev.lock"
STACK_FILE = "dev.stack"
