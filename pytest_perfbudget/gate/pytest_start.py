"""The start of pytest for the gate: `python pytest_start.py ARGUMENT...`, as `python -m pytest` but for two imports.

`python -m pytest` looks for pytest in the current folder first, so that a file `pytest.py` or a folder
`pytest_perfbudget` in a pull request would judge the pull request.
"""

from __future__ import annotations

import os
import runpy
import sys
from importlib import import_module


def main() -> None:
    """Import pytest and the plugin as they are installed; then run pytest, with the current folder first."""
    # The folder of this script; the modules in it have names that a project may use as well.
    del sys.path[0]
    import_module("pytest")
    import_module("pytest_perfbudget")
    start_state = import_module("pytest_perfbudget.plugin.start_state")
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as Python does it
    start_state.note_process()  # a plugin of the pull request may change the environment before this plugin is loaded
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
