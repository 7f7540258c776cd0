"""A `launch.json` of many configurations, with comments and trailing commas."""

from __future__ import annotations

import json
from typing import Any


def make_entry(number: int) -> dict[str, Any]:
    """Return a configuration as generators and people write them."""
    return {
        "name": f"API {number}: debug (development)",
        "type": "debugpy",
        "request": "launch",
        "module": "uvicorn",
        "args": ["app:app", "--port", str(8000 + number), "--reload"],
        "cwd": "${workspaceFolder}/services/api",
        "python": "${workspaceFolder}/.venv/bin/python",
        "env": {"APP_ENV": "development", "URL": "http://127.0.0.1:8000/"},
        "subProcess": True,
        "justMyCode": True,
        "console": "integratedTerminal",
        "presentation": {"group": "development", "order": number},
    }


def make_launch_file(count: int) -> bytes:
    """Return a file with so many configurations, each with comments."""
    lines = ["// Who? See http://127.0.0.1/", "{", '    "version": "0.2.0", // "x"']
    lines.append('    "configurations": [')
    for number in range(count):
        text = json.dumps(make_entry(number), indent=4)
        text = text.replace('"request"', '// why, //]\n    "request"')
        text = text.replace("\n}", ",\n}").replace("\n", "\n        ")
        lines.append(f"        {text}, /* {number} */")
    return "\n".join([*lines, "    ],", "}", ""]).encode()
