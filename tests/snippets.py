"""The blocks of code in the README and the guide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = sorted((ROOT / "pytest_perfbudget" / "guide").glob("*.md"))

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (test_\w+\.py)\n")


@dataclass(frozen=True)
class Snippet:
    """A block of code: its file, line, language and text."""

    file: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}"

    @property
    def test_file(self) -> str:
        """The name of the test file that a complete program is, as its first line says; empty for a fragment."""
        found = _FILE.match(self.text)
        return found[1] if found else ""

    @property
    def commands(self) -> list[str]:
        """The commands of a console block, without prompt and comment."""
        lines = [line.partition("   #")[0] for line in self.text.splitlines() if line.startswith("$ ")]
        return [line.removeprefix("$ ").strip() for line in lines]


def snippets(*languages: str) -> list[Snippet]:
    """Return all blocks in these languages."""
    return [one for file in (README, *PAGES) for one in snippets_of(file) if one.language in languages]


def snippets_of(file: Path) -> Iterator[Snippet]:
    """Yield the blocks of a file."""
    text = file.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        yield Snippet(file, text.count("\n", 0, found.start()) + 1, found[1], found[2])
