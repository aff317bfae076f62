"""The names in files of code, which tell a rename from any other change."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from keyword import iskeyword
from pathlib import PurePosixPath
from typing import Final, TypeAlias

QualifiedName: TypeAlias = tuple[str, ...]
"""The folders and the module of a file, and the classes and functions around a name, with the name at the end."""

_LAMBDA: Final = "<lambda>"
_WORDS_AND_REST: Final = re.compile(r"\w+|\W")
_NAME_AS_TEXT: Final = re.compile(r"[\w.]+")
"""A text that may name a function: `getattr(module, "work")`, `"shop.work"`."""
_PLAIN: Final = {"property", "staticmethod", "classmethod", "dataclass", "contextmanager", "cache", "wraps"}
"""The decorators that register a function nowhere."""


@dataclass(frozen=True, slots=True)
class CodeNames:
    """The names that some files define and use.

    Attributes:
        defined: the functions, classes and modules.
        modules: the modules among them.
        folders: the folders of the files.
        used: the names that the files use, each with the function, class or module in which the use stands.
        taking_part: the definitions that other code may call without their names: by a decorator, or by a base class.
    """

    defined: Counter[QualifiedName] = field(default_factory=Counter)
    modules: set[QualifiedName] = field(default_factory=set)
    folders: set[QualifiedName] = field(default_factory=set)
    used: Counter[tuple[QualifiedName, str]] = field(default_factory=Counter)
    taking_part: set[QualifiedName] = field(default_factory=set)

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
            folder = place.parent.parts
            found.folders.update(folder[: number + 1] for number in range(len(folder)))
            module = folder if place.stem == "__init__" else (*folder, place.stem)
            found.defined[module] += 1
            found.modules.add(module)
            with suppress(SyntaxError, ValueError):
                found._add(ast.parse(text), module)
        return found

    def is_renamed(self, before: CodeNames, names: Mapping[str, str]) -> bool:
        """Return whether some names stand in the place of others, and are used as often.

        A name may stay elsewhere, as a method of another class does.

        Args:
            before: the names in the same files before.
            names: the new names by the names before.
        """
        pairs = [*self._renamed(before, names)]
        found = all(
            any((old in one) > (old in other) and new in other for one, other in pairs) for old, new in names.items()
        )
        further = self.further(before, names)
        own, earlier = (_in_all(one.used) for one in (self._without(further), before))
        is_used = all(own[old] + own[new] >= earlier[old] + earlier[new] for old, new in names.items())
        # Of several new functions, only callers tell which one stands in the place of the old one.
        is_told = not further or all(own[new] > earlier[new] for new in names.values())
        return found and is_used and is_told

    def further(self, before: CodeNames, names: Mapping[str, str]) -> list[QualifiedName]:
        """Return the definitions that are new and do not stand in the place of others; for the arguments see above."""
        placed = Counter(after for _, after in self._renamed(before, names))
        return [*(self.defined - before.defined - placed)]

    def is_apart(self, further: Sequence[QualifiedName]) -> bool:
        """Return whether nothing outside of some new definitions uses them."""
        outer = [one for one in further if not _is_in(one[:-1], further)]
        names = {one[-1] for one in outer}
        is_called_by_name = not any(one.startswith("__") or one == _LAMBDA for one in names)
        used = _in_all(self._without(further).used)
        return is_called_by_name and self.taking_part.isdisjoint(further) and used.keys().isdisjoint(names)

    def _renamed(self, before: CodeNames, names: Mapping[str, str]) -> Iterator[tuple[QualifiedName, QualifiedName]]:
        """Yield each definition and folder that is gone, with the new one in its place."""
        new = self.defined - before.defined
        places = self.folders - before.folders
        for one in before.defined - self.defined:
            for renamed in _candidates(one, names):
                if new[renamed]:
                    new[renamed] -= 1
                    yield one, renamed
                    break
        for folder in before.folders - self.folders:
            yield from ((folder, renamed) for renamed in _candidates(folder, names) if renamed in places)

    def _without(self, definitions: Sequence[QualifiedName]) -> CodeNames:
        """Return the names without those that some definitions use."""
        used = Counter({one: number for one, number in self.used.items() if not _is_in(one[0], definitions)})
        return replace(self, used=used)

    def _add(self, node: ast.AST, place: QualifiedName) -> None:
        for one in ast.iter_child_nodes(node):
            inside = place
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                inside = (*place, one.name)
                others = {*map(_last_name, one.decorator_list)} - _PLAIN
                if others or (isinstance(one, ast.ClassDef) and _has_base(one)):
                    self.taking_part.add(inside)
            elif isinstance(one, ast.Lambda):
                inside = (*place, _LAMBDA)
            if inside != place:
                self.defined[inside] += 1
            self.used.update((place, name) for name in _names_of(one))
            self._add(one, inside)


def renamed_words(pairs: Iterable[Sequence[str]]) -> dict[str, str]:
    """Return the words of texts that others have in their places, if the texts differ by nothing else; else empty.

    Args:
        pairs: each text before and after.
    """
    names: dict[str, str] = {}
    words = [[_WORDS_AND_REST.findall(text) for text in pair] for pair in pairs]
    for before, after in words:
        differing = [(old, new) for old, new in zip(before, after, strict=False) if old != new]
        if len(before) != len(after) or any(names.setdefault(old, new) != new for old, new in differing):
            return {}
    for before, after in words:
        if any(old in names and old == new for old, new in zip(before, after, strict=True)):  # one of several stays
            return {}
    is_each_a_name = all(one.isidentifier() and not iskeyword(one) for pair in names.items() for one in pair)
    return names if is_each_a_name and len(set(names.values())) == len(names) else {}


def _candidates(name: QualifiedName, names: Mapping[str, str]) -> Iterator[QualifiedName]:
    """Yield the names that a definition may have after a rename: a module may keep the name of its function."""
    yield tuple(names.get(part, part) for part in name)
    yield (*name[:-1], names.get(name[-1], name[-1]))


def _is_in(place: QualifiedName, definitions: Sequence[QualifiedName]) -> bool:
    return any(place[: len(one)] == one for one in definitions)


def _in_all(used: Counter[tuple[QualifiedName, str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, name), number in used.items():
        found[name] += number
    return found


def _names_of(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node itself uses."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (word for alias in node.names for word in alias.name.split("."))
        yield from (getattr(node, "module", None) or "").split(".")
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME_AS_TEXT.fullmatch(node.value):
        yield from node.value.split(".")


def _has_base(node: ast.ClassDef) -> bool:
    """Return whether a class has a base that is not built in, or a metaclass; either may register the class."""
    return bool(node.keywords or {*map(_last_name, node.bases)} - {*dir(builtins)})


def _last_name(node: ast.expr) -> str:
    """Return the name at the end of a decorator or a base class: `cache` for `functools.cache(size=1)`."""
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
