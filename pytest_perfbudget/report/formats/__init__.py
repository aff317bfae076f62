"""The output formats of a session's result: one module for each format, which turns a result into text."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_perfbudget.atomic_write import is_written_directly

if TYPE_CHECKING:
    from pytest_perfbudget.core.run_result import RunResult

FORMATS: Final[Mapping[str, str]] = {
    "json": "json",
    "md": "markdown",
    "csv": "csv",
    "rounds": "rounds",
    "prom": "openmetrics",
    "html": "html",
    "codequality": "codequality",
    "metrics": "metrics",
    "hgrm": "hgrm",
    "k6": "k6",
}
"""The module of each format; the name of a format is its suffix, too."""

FILES: Final[Mapping[str, str]] = {
    "gl-code-quality.json": "codequality",
    "metrics.txt": "metrics",
    "rounds.csv": "rounds",
}
"""The names of files that pick their format, whatever their suffix; other words and a dot may stand before a name."""


_OF_LOADS: Final = frozenset({"hgrm", "k6"})
"""The formats that show loads only."""


class OutputFile(NamedTuple):
    """A file to write, with its format."""

    format: str
    path: Path


def output_file(text: str) -> OutputFile:
    """Return the file that `PATH` or `FORMAT:PATH` names; `FORMAT:-` is the standard output.

    Raises:
        ValueError: there is no such format, or the package that writes it is not installed.
    """
    found = _named_file(text)
    if found.format == "html" and not find_spec("jinja2"):
        message = f"an HTML report needs jinja2: pip install 'pytest-perfbudget[html]': found {text!r}"
        raise ValueError(message)
    return found


def _named_file(text: str) -> OutputFile:
    name, _, path = text.partition(":")
    if name in FORMATS and path:
        return OutputFile(name, Path("/dev/stdout" if path == "-" else path))
    # A drive letter is no format, and neither is a folder with a colon in its name.
    is_typo = path and len(name) > 1 and name.isalnum()
    suffix = Path(text).suffix.removeprefix(".")
    found = next((known for file, known in FILES.items() if f".{Path(text).name}".endswith(f".{file}")), suffix)
    if is_typo or found not in FORMATS:
        known, names = ", ".join(FORMATS), ", ".join(FILES)
        message = f"the suffix or FORMAT: picks the format, one of {known} ({names} by name): found {text!r}"
        raise ValueError(message)
    return OutputFile(found, Path(text))


def problem_of(outputs: Iterable[OutputFile], folder: Path) -> str:
    """Return why files cannot be written, as far as that shows before anything runs; empty if nothing does.

    A folder of a relative path is created. That of another path has to exist, because a mistyped path would create a
    folder anywhere.

    Args:
        outputs: the files.
        folder: the folder to which relative paths belong.
    """
    seen = set()
    for one in outputs:
        path = folder / one.path
        place = os.path.realpath(path)
        if place in seen and not is_written_directly(path):
            return f"two results would go to {one.path}: name another file for one of them"
        seen.add(place)
        if path.is_dir():
            return f"{one.path} is a folder: name a file in it"
        if one.path.is_absolute() and not path.parent.is_dir():
            return f"the folder of {one.path} does not exist: create it, or name another"
    return ""


def emptiness_of(result: RunResult, output: OutputFile) -> str:
    """Return why a file has nothing of a session, because its format shows loads only; empty if it has something."""
    if output.format not in _OF_LOADS or any(one.load is not None for one in result.measurements):
        return ""
    return f"{output.path} has no numbers: {output.format} shows loads, and no test made any with perf_load"


def files(result: RunResult, name: str, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of a file in a format, and of each file that belongs beside it.

    Args:
        result: the result of a session.
        name: the format.
        path: of the file.
    """
    if name != "html":
        yield path, render(result, name)
        return
    from pytest_perfbudget.report.formats import html, speedscope  # noqa: PLC0415 - only for a page

    yield path, html.render(result, path.name)
    for one in speedscope.profiled(result.measurements):
        for file, text in speedscope.profiles(one, path.name):
            yield path.with_name(file), text


def render(result: RunResult, name: str) -> str:
    """Return the text of a file in a format, whose module has a function `render`."""
    module = import_module(f"{__name__}.{FORMATS[name]}")
    function: Callable[[RunResult], str] = module.render
    # A name may hold half of a surrogate pair, which no file in UTF-8 can hold.
    return function(result).encode("utf-8", "backslashreplace").decode("utf-8")
