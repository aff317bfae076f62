"""The names in files of code, which tell a rename from any other change."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class CodeNames:
    """The names of the functions, classes and modules that some files define, and the names that the files use."""

    defined: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, texts: Mapping[str, str | bytes | None]) -> CodeNames:
        """Return the names in Python files.

        Args:
            texts: the text of each file by its path; None for no file.
        """
        found = cls()
        for path, text in texts.items():
            if text is None:
                continue
            place = PurePosixPath(path)
            found.defined.update([*place.parent.parts, *([] if place.stem == "__init__" else [place.stem])])
            with suppress(SyntaxError, ValueError):
                for one in ast.walk(ast.parse(text)):
                    if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                        found.defined[one.name] += 1
                    elif isinstance(one, ast.Lambda):
                        found.defined["<lambda>"] += 1
                    elif isinstance(one, ast.Name):
                        found.used[one.id] += 1
                    elif isinstance(one, ast.Attribute):
                        found.used[one.attr] += 1
                    elif isinstance(one, (ast.Import, ast.ImportFrom)):
                        found.used.update(word for alias in one.names for word in alias.name.split("."))
                        found.used.update((getattr(one, "module", None) or "").split("."))
        return found

    def has_only_renamed(self, before: CodeNames, names: Mapping[str, str]) -> bool:
        """Return whether some names stand in the place of others, are used as often, and no further name is defined.

        Args:
            before: the names in the same files before.
            names: the new names by the names before.
        """
        found = all(
            old in before.defined and old not in self.defined and new in self.defined and new not in before.defined
            for old, new in names.items()
        )
        renamed = Counter({names.get(name, name): number for name, number in before.defined.items()})
        is_used = all(self.used[new] >= before.used[old] for old, new in names.items())
        return found and is_used and not self.defined - renamed
