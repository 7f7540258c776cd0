"""What is put right in debugpy's debugger, in a process that it is in."""

from __future__ import annotations

import sys


def quote_folder() -> None:
    """Have what a program starts debugged where the path has an apostrophe, too.

    pydevd (1.8.22) writes its own folder between apostrophes, as it is, into the
    command of each process that `multiprocessing` starts. To be called once.
    """
    module = sys.modules.get("_pydev_bundle.pydev_monkey")
    folder = getattr(module, "pydev_src_dir", None)
    if module is not None and isinstance(folder, str):
        module.__dict__["pydev_src_dir"] = folder.replace("'", """' "'" r'""")
