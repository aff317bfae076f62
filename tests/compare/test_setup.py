"""Parts of the project that have to be built before they can be imported."""

from __future__ import annotations

import pytest
from programs import shop
from repositories import Repository
from scripting import times

pytestmark = pytest.mark.usefixtures("brief")

BUILD = "import os\nopen('_fast.py', 'w').write('STEP = 1')\nopen(os.environ['RUNS'], 'a').write('run ')\n"
SETUP = '[tool.perfbudget.duet]\nsetup = "{{python}} {script}"\n'


@pytest.fixture
def built(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("RUNS", str(repository.pytester.path.parent / "runs"))
    repository.file("_fast.py", "STEP = 1\n")
    ignored = (repository.pytester.path / ".gitignore").read_text("utf-8") + "_fast.py\n"
    code = shop(work="advance(_fast.STEP)", at_import="import _fast")
    repository.commit({"shop.py": code, "build.py": BUILD, ".gitignore": ignored})
    return repository


def test_without_setup_a_module_that_was_built_is_the_heads_on_both_sides(built: Repository) -> None:
    result = built.against_base("-k", "call")
    result.assert_outcomes(passed=1, deselected=2)
    assert times(built) == {"test_call step": "unchanged"}
    result.stdout.fnmatch_lines(["*taken from the working tree for both commits: _fast.py."])


def test_the_setup_command_runs_once_for_a_commit(built: Repository) -> None:
    for _ in range(2):
        built.against_base("-k", "call", pyproject=SETUP.format(script="build.py"))
        assert times(built) == {"test_call step": "unchanged"}
    assert (built.pytester.path.parent / "runs").read_text("utf-8") == "run "


def test_a_setup_command_that_fails_is_a_usage_error(built: Repository) -> None:
    result = built.against_base(pyproject=SETUP.format(script="absent.py"))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: setup of *absent.py*) ended with 2: *No such file*"])
