"""The `perfbudget` command of a certain interpreter: `python -m pytest_perfbudget`."""

from __future__ import annotations

import sys

from pytest_perfbudget.cli import main

if __name__ == "__main__":
    sys.exit(main())
