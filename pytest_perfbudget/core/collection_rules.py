"""The rules by which pytest collects tests, from its settings alone: whether they cover a file, a class, a function."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_ADDOPTS: Final = "addopts"
_DEFAULTS: Final[Mapping[str, Sequence[str]]] = {
    "testpaths": (),
    "norecursedirs": ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}"),
    "python_files": ("test_*.py", "*_test.py"),
    "python_classes": ("Test",),
    "python_functions": ("test",),
    _ADDOPTS: (),
}
"""pytest's defaults, by its reference."""
_MOST_FILES: Final = 20
"""The most files of options in files of options; a file may name itself."""
_IGNORE: Final = "--ignore"
_IGNORE_GLOB: Final = "--ignore-glob"


@dataclass(frozen=True, slots=True)
class CollectionRules:
    """The settings of pytest that decide about the collection, each as a list of words."""

    settings: Mapping[str, Sequence[str]]

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, Any], read: Callable[[str], str | None] = lambda _: None
    ) -> CollectionRules:
        """Return the rules in pytest's settings, with pytest's defaults for those that are not there.

        Args:
            settings: the settings.
            read: returns the text of a file that `addopts` names by `@FILE`, an option in each line; None if the text
                is not known, and the name remains.
        """
        found = {key: _words(settings[key]) if key in settings else default for key, default in _DEFAULTS.items()}
        return cls({**found, _ADDOPTS: list(_with_files(found[_ADDOPTS], read))})

    def differing(self, other: CollectionRules) -> list[str]:
        """Return the names of the settings that differ."""
        return [key for key, words in self.settings.items() if list(words) != list(other.settings[key])]

    def covers(self, file: str) -> bool:
        """Return whether pytest collects a file if the command line names no folder.

        Args:
            file: the path from the root folder.
        """
        *folders, name = file.split("/")
        testpaths = self.settings["testpaths"]
        return (
            any(
                fnmatch.fnmatch(f"/{file}", f"*/{one}") if "/" in one else _fits(name, [one])
                for one in self.settings["python_files"]
            )
            and (not testpaths or any(_lies_in(file, one) for one in testpaths))
            and not any(_fits(one, self.settings["norecursedirs"]) for one in folders)
            and not any(_lies_in(file, one) for one in self._values(_IGNORE))
            and not any(fnmatch.fnmatch(file, one.removeprefix("./")) for one in self._values(_IGNORE_GLOB))
        )

    def covers_function(self, name: str) -> bool:
        """Return whether a function of this name is a test."""
        return any(map(name.startswith, words := self.settings["python_functions"])) or _fits(name, words)

    def covers_class(self, name: str) -> bool:
        """Return whether a class of this name has tests."""
        return any(map(name.startswith, words := self.settings["python_classes"])) or _fits(name, words)

    def _values(self, option: str) -> Iterator[str]:
        """Yield the values of an option among those that pytest adds."""
        words = self.settings[_ADDOPTS]
        for at, word in enumerate(words):
            if word.startswith(f"{option}="):
                yield word.partition("=")[2]
            elif word == option:
                yield from words[at + 1 : at + 2]


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError:
            return value.split()
    return [str(one) for one in value] if isinstance(value, Iterable) else []


def _with_files(words: Sequence[str], read: Callable[[str], str | None], depth: int = 0) -> Iterator[str]:
    """Yield the words, and instead of the name of a file its lines, as argparse reads them."""
    for word in words:
        text = read(word[1:]) if word.startswith("@") and depth < _MOST_FILES else None
        if text is None:
            yield word
        else:
            yield from _with_files(text.splitlines(), read, depth + 1)


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatch(name, one) for one in patterns)


def _lies_in(file: str, folder: str) -> bool:
    """Return whether a file is a path, or lies below the path; a wildcard stands for names."""
    names = [one for one in folder.split("/") if one not in ("", ".")]
    parts = file.split("/")[: len(names)]
    return len(parts) == len(names) and all(map(fnmatch.fnmatch, parts, names))
