"""Other editors of JSON with comments, each in a process that waits for its turn."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.peers import install_apart, last_line
from sceneshift.core.paths import StateFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NODE = "node's jsonc-parser"
FIVE = "json-five"
# Each reads the files that are merged, then a case a line, and says the ms it took.
# What is no case's name is a file with the path of what node's is to remove.
_NODE = """
const {parse, modify, applyEdits} = require('jsonc-parser');
const fs = require('fs');
const text = fs.readFileSync(process.argv[1], 'utf8');
const {base, same, changed} = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const read = () => parse(text, [], {allowTrailingComma: true});
function merge(ours) {
  const edits = [];
  read().configurations.forEach((each, index) => {
    const old = base[each.name], made = ours[each.name];
    if (isSame(each, made)) return;
    for (const key in made) {
      if (isSame(each[key], made[key]) || !isSame(each[key], old[key])) continue;
      edits.push(...modify(text, ['configurations', index, key], made[key], {}));
    }
  });
  return edits.length ? applyEdits(text, edits) : text;
}
const cases = {read, same: () => merge(same), changed: () => merge(changed)};
require('readline').createInterface({input: process.stdin}).on('line', (name) => {
  if (name.startsWith('{')) {
    const {data, path} = JSON.parse(name);
    const made = applyEdits(data, modify(data, path, undefined, {}));
    process.stdout.write(JSON.stringify({ms: 0, merged: made}) + '\\n');
    return;
  }
  const start = process.hrtime.bigint();
  const made = cases[name]();
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  const answer = {ms, merged: name === 'read' ? made : parse(made)};
  process.stdout.write(JSON.stringify(answer) + '\\n');
});
"""
_FIVE = """
import json, sys, time
from json5 import loads
from json5.dumper import ModelDumper, dumps
from json5.loader import ModelLoader
text = open(sys.argv[1], encoding='utf-8').read()
kinds = json.load(open(sys.argv[2], encoding='utf-8'))
def read():
    return loads(text)
def find(pairs, key):
    return next(each for each in pairs if each.key.characters == key)
def merge(ours):
    base, found, edits = kinds['base'], read(), []
    for index, each in enumerate(found['configurations']):
        old, made = base[each['name']], ours[each['name']]
        edits += [(index, key, value) for key, value in made.items()
                  if each.get(key) != value and each.get(key) == old.get(key)]
    if not edits:
        return text
    model = loads(text, loader=ModelLoader())
    array = find(model.value.key_value_pairs, 'configurations').value
    for index, key, value in edits:
        pair = find(array.values[index].key_value_pairs, key)
        node = loads(json.dumps(value), loader=ModelLoader()).value
        node.wsc_before, node.wsc_after = pair.value.wsc_before, pair.value.wsc_after
        at = array.values[index].key_value_pairs.index(pair)
        array.values[index].values[at] = node
    return dumps(model, dumper=ModelDumper())
cases = {'read': read, 'same': lambda: merge(kinds['same']),
         'changed': lambda: merge(kinds['changed'])}
for line in sys.stdin:
    start = time.perf_counter()
    made = cases[line.strip()]()
    ms = (time.perf_counter() - start) * 1000
    merged = made if isinstance(made, dict) else loads(made)
    print(json.dumps({'ms': ms, 'merged': merged}), flush=True)
"""


def install_editors(root: Path) -> tuple[dict[str, Sequence[str]], dict[str, str]]:
    """Install what can be had, unless an earlier run has.

    json-five is alone in its environment: its module has the name of another package's.

    Returns:
        Command lines by peer, which want the files to be merged behind them; and what
        could not be installed, with the reason.
    """
    folder = StateFolder(root).make("bench", "jsonc")
    found: dict[str, Sequence[str]] = {}
    python, reason = install_apart(folder / "venv", "json-five")
    left_out = {FIVE: reason, NODE: _install_node(folder)}
    if not left_out[FIVE]:
        found[FIVE] = (str(python), "-c", _FIVE)
    if not left_out[NODE]:
        found[NODE] = ("node", "-e", _NODE.replace("require('jsonc", _from(folder)))
    return found, {name: reason for name, reason in left_out.items() if reason}


def _from(folder: Path) -> str:
    return f"require({json.dumps(str(folder))} + '/node_modules/' + 'jsonc"


def _install_node(folder: Path) -> str:
    """Install jsonc-parser; return why that failed."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not on this machine"
    if (folder / "node_modules" / "jsonc-parser").exists():
        return ""
    argv = (npm, "install", "--silent", "--prefix", str(folder), "jsonc-parser")
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    return last_line(done.stderr) or "npm install fails" if done.returncode else ""


class Peer:
    """A program that has read the files and waits for a case."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def run(self, case: str) -> tuple[float, Any]:
        """Have it done once; return the ms that took, and the value of the result."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{case}\n")
        self._child.stdin.flush()
        answer = json.loads(self._child.stdout.readline())
        return answer["ms"], answer["merged"]


@contextmanager
def running_peer(argv: Sequence[str], files: tuple[Path, Path]) -> Iterator[Peer]:
    """Run one as long as it is measured."""
    with subprocess.Popen(
        [*argv, *map(str, files)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield Peer(child)
        finally:
            child.kill()
