"""Programs that serve a page, with sources that a browser can be led back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.invocation import parse_command, resolve_scripts

if TYPE_CHECKING:
    from pathlib import Path

PAGE_SERVERS = frozenset(
    """
    astro craco docusaurus eleventy gatsby next ng nuxi nuxt parcel react-router
    react-scripts remix rsbuild rspack storybook svelte-kit vinxi vite vitepress
    vue-cli-service webpack webpack-dev-server
    """.split()  # noqa: SIM905 - a line for each word would hide the sense
)


def serves_page(command: str, cwd: Path) -> bool:
    """Tell whether a command line runs one of them in the end, through `npm run`."""
    programs = parse_command(command, cwd)
    program = resolve_scripts(programs[-1]) if programs else None
    return program is not None and program.name in PAGE_SERVERS
