"""A file of profiles beside the baseline: a profile for each measurement and Python version, a line each.

Profiles are in files of their own, because a profile is longer than the line of the baseline that it explains, and is
read only when something got slower. A profile decides nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pytest_perfbudget.atomic_write import replace_text
from pytest_perfbudget.baseline.schema import Key
from pytest_perfbudget.errors import BaselineError

Place = tuple[str, str, str]
"""A test, a measurement and a Python version (`Machine.python`)."""

_Profile = TypeVar("_Profile")
_MALFORMED = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError)


@dataclass(frozen=True, slots=True)
class Profiles(Generic[_Profile]):
    """The content of a file: the profiles, and what the file has for all of them."""

    by_place: Mapping[Place, _Profile] = field(default_factory=dict)
    shared: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProfileFile(Generic[_Profile]):
    """The files of a kind of profiles.

    Attributes:
        kind: the word for the kind, in the name of the file and in its schema.
        parse: a function that returns the profile of a row; it raises ValueError, KeyError, TypeError, AttributeError
            or IndexError if the row is something else.
        row: a function that returns the row of a profile, without the place.
        shared: the keys of what the file has for all profiles, each with a function that parses the value likewise.
    """

    kind: str
    parse: Callable[[Mapping[str, Any]], _Profile]
    row: Callable[[_Profile], Mapping[str, Any]]
    shared: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def beside(self, baseline: Path) -> Path:
        """Return the file beside a baseline, or beside the baseline's target if that is a link."""
        baseline = Path(os.path.realpath(baseline))
        return baseline.with_name(f"{baseline.stem}.{self.kind}{baseline.suffix}")

    def read(self, baseline: Path) -> Profiles[_Profile]:
        """Return the profiles of a baseline; none if the file cannot be understood."""
        return self._read(self.beside(baseline)) or Profiles()

    def find(self, baseline: Path, key: Key, python: str) -> _Profile | None:
        """Return the profile of a measurement; None if no profile can be read."""
        return self.read(baseline).by_place.get((key.test, key.name, python))

    def checked(self, baseline: Path) -> Profiles[_Profile]:
        """Return the profiles of a baseline, which can be changed.

        Raises:
            BaselineError: the existing file cannot be understood.
        """
        path = self.beside(baseline)
        found = self._read(path)
        if found is None:
            message = f"{path.name}: cannot be understood: restore it from git, or remove it"
            raise BaselineError(message)
        return found

    def change(
        self,
        baseline: Path,
        found: Mapping[Place, _Profile],
        removed: Iterable[tuple[str, str]],
        shared: Mapping[str, Any] | None = None,
    ) -> None:
        """Replace and remove profiles; the caller holds the baseline's lock.

        Args:
            baseline: the baseline's file.
            found: the new profiles; an empty profile is none.
            removed: the measurements whose profiles are removed.
            shared: what the file has for all profiles; None to keep that.

        Raises:
            OSError: the file cannot be written.
            BaselineError: the existing file cannot be understood; it is not overwritten.
        """
        gone = set(removed)
        before = self.checked(baseline)
        profiles = {place: one for place, one in before.by_place.items() if place[:2] not in gone} | dict(found)
        after = Profiles(
            {place: one for place, one in profiles.items() if one}, before.shared if shared is None else shared
        )
        if after != before:
            replace_text(self.beside(baseline), self._render(after))

    @property
    def _schema(self) -> str:
        return f"perfbudget-{self.kind}/1"

    def _read(self, path: Path) -> Profiles[_Profile] | None:
        """Return all profiles; None if the existing file cannot be read or understood."""
        try:
            document = json.loads(path.read_text("utf-8-sig"))
            if document["schema"] != self._schema:
                return None
            shared = {key: parse(document[key]) for key, parse in self.shared.items() if key in document}
            return Profiles({_place(row): self.parse(row) for row in document["profiles"]}, shared)
        except FileNotFoundError:
            return Profiles()
        except _MALFORMED:
            return None

    def _render(self, profiles: Profiles[_Profile]) -> str:
        rows = [
            json.dumps({**_place_row(place), **self.row(one)}, ensure_ascii=False)
            for place, one in sorted(profiles.by_place.items(), key=lambda item: item[0])
        ]
        head = [f'"schema": "{self._schema}",']
        head += [
            f'"{key}": {json.dumps(value, ensure_ascii=False, sort_keys=True)},'
            for key, value in profiles.shared.items()
            if value
        ]
        return "\n".join(["{", *head, '"profiles": [', ",\n".join(rows), "]", "}", ""])


def _place(row: Mapping[str, Any]) -> Place:
    return str(row["test"]), str(row.get("name", "")), str(row["python"])


def _place_row(place: Place) -> dict[str, Any]:
    test, name, python = place
    return {"test": test, **({"name": name} if name else {}), "python": python}
