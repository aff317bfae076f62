"""The README's example does what the README shows, and every snippet of README and guide is valid."""

from __future__ import annotations

import argparse
import ast
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from scripting import leave_the_outer_run
from snippets import PAGES, README, ROOT, Snippet, snippets, snippets_of

from pytest_perfbudget.cli import _parser
from pytest_perfbudget.config import parse_settings
from pytest_perfbudget.plugin.options import add_options

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

UPDATE = "the example prints something else: PERFBUDGET_GOLDEN=write pytest tests/test_readme.py writes it anew; then run tests/benchmarks/terminal_svg.py for the picture"

CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"

MASKS = (
    (r"Failed: .*", "Failed: ..."),  # pytest cuts it to the width of the terminal
    (r"[█▉▊▋▌▍▎▏░▒▓━╸╺]+", "bar"),
    (r"\d[\d,.]*", "0"),
    (r"\b0 (?:[num]?s|[kM]?B)\b", "0 unit"),
    (r"0[x%]", "0%"),
    (r"={2,}", "="),
    (r"_{2,}", "_"),
    (r"─+", "─"),
    (r"[ \t]+", " "),
)


def masked(output: str) -> list[str]:
    """Return the lines of an output without what differs from run to run: numbers, bars, times, widths, busy CPUs."""
    for pattern, replacement in MASKS:
        output = re.sub(pattern, replacement, output)
    return [line.strip() for line in output.splitlines() if line.strip() and "other processes held the CPU" not in line]


def example() -> tuple[Snippet, Snippet]:
    """Return the README's program and the output below it."""
    found = list(snippets_of(README))
    at = next(number for number, one in enumerate(found) if one.test_file)
    return found[at], found[at + 1]


def run(pytester: pytest.Pytester, snippet: Snippet, monkeypatch: pytest.MonkeyPatch) -> pytest.RunResult:
    leave_the_outer_run(monkeypatch)
    monkeypatch.setenv("PYTHONUTF8", "1")
    pytester.makefile(".ini", pytest="[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    (pytester.path / snippet.test_file).write_text(snippet.text, "utf-8")
    return pytester.runpytest_subprocess("--no-header", "-p", "no:randomly", snippet.test_file)


def test_the_example_prints_what_the_readme_shows(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    program, shown = example()
    result = run(pytester, program, monkeypatch)
    lines = result.outlines
    first = next(at for at, line in enumerate(lines) if line.startswith(program.test_file))
    printed = "\n".join(lines[first:]).strip("\n") + "\n"
    if os.environ.get("PERFBUDGET_GOLDEN") == "write" and masked(printed) != masked(shown.text):
        text = README.read_text("utf-8")
        README.write_text(text.replace(f"```text\n{shown.text}```", f"```text\n{printed}```"), "utf-8")
        return
    assert masked(printed) == masked(shown.text), UPDATE


@pytest.mark.parametrize(
    "snippet", [one for one in snippets("python") if one.file != README and one.test_file], ids=str
)
def test_a_complete_program_of_the_guide_passes(
    snippet: Snippet, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, snippet, monkeypatch)
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    if snippet.file.stem == "load":  # the number of requests decides there, and not the noise of the machine
        assert "undecided" not in result.stdout.str()


@pytest.mark.parametrize("snippet", snippets("python"), ids=str)
def test_python_compiles(snippet: Snippet) -> None:
    ast.parse(snippet.text)


@pytest.mark.parametrize("snippet", snippets("toml"), ids=str)
def test_toml_is_accepted(snippet: Snippet) -> None:
    table = tomllib.loads(snippet.text)["tool"]["perfbudget"]
    assert parse_settings(table, "pyproject.toml").notes == ()


class Options:
    """Takes the options that the plugin defines."""

    def __init__(self) -> None:
        self.parser = argparse.ArgumentParser(exit_on_error=False)

    def getgroup(self, *_: str) -> Options:
        return self

    def addoption(self, *names: str, **attributes: Any) -> None:
        self.parser.add_argument(*names, **attributes)


@pytest.fixture
def options() -> argparse.ArgumentParser:
    found = Options()
    add_options(cast("pytest.Parser", found))
    return found.parser


@pytest.mark.parametrize("file", [README, *PAGES], ids=lambda file: file.name)
def test_every_option_that_is_named_exists(file: Path, options: argparse.ArgumentParser) -> None:
    named = set(re.findall(r"--perf-[a-z]+(?:-[a-z]+)*", file.read_text("utf-8")))
    assert named <= set(options._option_string_actions)


COMMANDS = [(str(one), command) for one in snippets("console") for command in one.commands]


@pytest.mark.parametrize(("place", "command"), COMMANDS)
def test_a_command_is_valid(place: str, command: str, options: argparse.ArgumentParser) -> None:
    program, *arguments = shlex.split(command, comments=True)
    if program == "pytest":
        _, rest = options.parse_known_args(arguments)
        assert not [one for one in rest if one.startswith("--")], place
    elif program == "perfbudget":
        _parser().parse_args(arguments)
    elif program == "python":
        assert (ROOT / arguments[0]).is_file(), place
    elif program == "git":
        assert not [one for one in arguments if one.startswith("--perf")], place
    else:
        assert command == "pip install /path/to/pytest-perfbudget", place


def test_the_readme_is_short_and_claims_no_package_index() -> None:
    text = README.read_text("utf-8")
    assert len(text.splitlines()) <= 161
    assert "pip install pytest-perfbudget" not in text


@pytest.mark.parametrize("file", [README, CONTRIBUTING, *PAGES], ids=lambda file: file.name)
def test_links_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", file.read_text("utf-8")):
        if target.startswith("https://"):  # nothing here asks the network
            continue
        name, _, anchor = target.partition("#")
        there = (file.parent / name) if name else file
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


def anchors(file: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def test_every_room_and_module_that_the_contributors_read_about_exists() -> None:
    package = ROOT / "pytest_perfbudget"
    text = CONTRIBUTING.read_text("utf-8")
    rooms = {file.parent.relative_to(package).as_posix() for file in package.glob("**/__init__.py")} - {"."}
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*)`", text))
    assert rooms <= named
    paths = [one for one in named if "/" in one and not one.startswith(("tests/", "pytest_perfbudget/"))]
    assert [one for one in paths if not (package / one).is_dir() and not (package / f"{one}.py").is_file()] == []
