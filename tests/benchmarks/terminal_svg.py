"""Draws the picture of the README: runs its example in a terminal of its own and exports the coloured output.

    python tests/benchmarks/terminal_svg.py [--output .github/assets/terminal.svg]

Needs a system with pseudo-terminals (Linux, macOS). Run it anew when the look of the output changes.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = re.compile(r"```python\n(# (test_\w+\.py)\n.*?)```", re.DOTALL)
COLUMNS = 100
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def terminal_output(name: str, program: str) -> str:
    """Return what pytest writes to a terminal for a test file."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, name).write_text(program, "utf-8")
        Path(folder, "pytest.ini").write_text("[pytest]\n", "utf-8")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_", "NO_COLOR"))}
        environment = {**kept, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "PYTHONUTF8": "1"}
        reader, writer = pty.openpty()
        command = [sys.executable, "-m", "pytest", "--no-header", "-p", "no:cacheprovider", name]
        # Standard error has the note on a long measurement, which comes and goes.
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=writer, stderr=subprocess.DEVNULL)
        os.close(writer)
        found = bytearray()
        try:
            while chunk := os.read(reader, 65_536):
                found += chunk
        except OSError:  # on Linux the end of a pseudo-terminal is an error
            pass
        os.close(reader)
        process.wait()
    return found.decode().replace("\r\n", "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / ".github" / "assets" / "terminal.svg")
    output: Path = parser.parse_args().output
    example = EXAMPLE.search((ROOT / "README.md").read_text("utf-8"))
    if example is None:
        sys.exit("the README has no example")
    program, name = example.groups()
    shown = f"$ pytest {name}\n{terminal_output(name, program).rstrip()}"
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(shown), soft_wrap=True)
    svg = console.export_svg(title=f"pytest {name}", unique_id="perfbudget")
    output.parent.mkdir(parents=True, exist_ok=True)
    # A picture loads no font from elsewhere: the reader's monospaced one will do.
    output.write_text(FONT.sub("", svg), "utf-8")


if __name__ == "__main__":
    main()
