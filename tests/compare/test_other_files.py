"""`--perf-policy=base`: a pull request whose tests measure another file than the base's."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from programs import SEQUENTIAL, shop
from repositories import Repository
from scripting import TWO_WORKERS

INI = "[pytest]\npythonpath = {}\n"
ON_PATH = "import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path(__file__).parent / '{}'))\n"
IMPORTS = "import {}\n\ndef test_it(perf):\n    perf({}.work)\n"
OLD = shop(more="# the base's\n")
SLOWER = shop(1.3)


def propose(repository: Repository, base: Mapping[str, str], head: Mapping[str, str | None]) -> pytest.RunResult:
    """Commit a base, and judge a pull request by the base's policy; None removes a file."""
    folder = repository.pytester.path
    clock = (folder / "conftest.py").read_text("utf-8")
    (folder / "test_it.py").unlink()
    for files in (base, head):
        for name, text in files.items():
            if text is None:
                (folder / name).unlink()
            else:
                repository.file(name, clock + text if name == "conftest.py" else text)
        if files is base:
            repository.commit()
    return repository.against_base("--perf-policy=base", "--perf-only")


def loosened(repository: Repository) -> list[str]:
    found = json.loads((repository.pytester.path / "report.json").read_text("utf-8"))["findings"]
    return [one["headline"] for one in found if one["kind"] == "loosened"]


@pytest.mark.usefixtures("brief")
def test_a_fast_copy_of_slower_code_fails_the_session_wherever_it_lies(repository: Repository) -> None:
    old = ("flat.py", "src/inner.py", "src/wares/core.py", "src/by_option.py", "lib/by_conftest.py")
    new = ("tests/flat.py", "tests/inner.py", "tests/wares/core.py", "fast/by_option.py", "quick/by_conftest.py")
    tests = IMPORTS.format("flat, inner, wares.core, by_option, by_conftest", "flat")
    base = {"pytest.ini": INI.format(". src"), "conftest.py": ON_PATH.format("lib"), "tests/test_it.py": tests}
    head = {"pytest.ini": INI.format("fast . src"), "conftest.py": ON_PATH.format("quick")}
    copies = dict.fromkeys(old, SLOWER) | dict.fromkeys(new, OLD)
    result = propose(repository, {**base, **dict.fromkeys(old, OLD)}, {**head, **copies})
    files = (
        "by_conftest from quick/by_conftest.py instead of lib/by_conftest.py, which is still there, and 4 more modules"
    )
    accept = (
        "so the session fails: a reviewer accepts this by the label perf-accepted (or the accept-label of the workflow)"
    )
    assert f"measures another file: the tests import {files} from such files, {accept}" in loosened(repository)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [f"this pull request weakens its gate: measures another file: the tests import {files}*"]
    )
    assert repository.against_base("--perf-policy=head", "--perf-only").ret == 0  # accepted by the label


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_new_file_that_hides_no_change_is_listed_for_the_reviewer(repository: Repository) -> None:
    base = {"pytest.ini": INI.format("src"), "src/wares.py": OLD, "tests/test_it.py": IMPORTS.format("wares", "wares")}
    result = propose(repository, base, {"pytest.ini": INI.format("fast src"), "fast/wares.py": OLD})
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "for the reviewer: measures another file: the tests import wares from fast/wares.py instead of src/wares.py, "
            "which is still there and hides no change"
        ]
    )


@pytest.mark.usefixtures("brief")
def test_other_files_of_clean_pull_requests_are_no_finding(repository: Repository) -> None:
    helper = "from flat import work\n"
    base = {
        "pytest.ini": INI.format(". src"),
        "conftest.py": ON_PATH.format("lib"),
        "flat.py": OLD,
        "inner.py": OLD,
        "src/wares/core.py": OLD,
        "lib/by_conftest.py": OLD,
        "tests/b/helpers.py": helper,
        "tests/b/test_b.py": IMPORTS.format("by_conftest, flat, helpers, inner, wares.core", "helpers"),
    }
    head = {
        "pytest.ini": INI.format(". more src"),
        "conftest.py": ON_PATH.format("lib") + ON_PATH.format("further"),
        "flat.py": None,  # moved
        "src/flat.py": OLD,
        "inner.py": None,  # has become a package
        "inner/__init__.py": OLD,
        "more/wares/extra.py": "from wares.core import work\n",
        "further/goods.py": "",
        "tests/a/helpers.py": helper,  # has the name of the helper of the other folder
        "tests/a/test_a.py": IMPORTS.format("helpers, goods, wares.extra", "helpers"),
    }
    result = propose(repository, base, head)
    assert loosened(repository) == []
    assert result.ret == 0


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_copy_that_no_test_imports_is_no_finding(repository: Repository) -> None:
    base = {"pytest.ini": f"{INI.format('.')}addopts = --import-mode=importlib\n", "shop.py": OLD}
    tests = {"tests/a/conftest.py": "", "tests/a/test_a.py": IMPORTS.format("shop", "shop")}
    head = {"tests/b/conftest.py": "", "tests/b/shop.py": OLD, "tests/b/test_b.py": IMPORTS.format("shop", "shop")}
    assert propose(repository, {**base, **tests}, head).ret == 0
    assert loosened(repository) == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [(), TWO_WORKERS], ids=["sequential", "n2"])
@pytest.mark.usefixtures("brief")
def test_processes_of_each_kind_tell_their_files(repository: Repository, arguments: tuple[str, ...]) -> None:
    repository.arguments = arguments
    base = {"pytest.ini": INI.format("."), "shop.py": OLD, "tests/test_it.py": IMPORTS.format("shop", "shop")}
    table = "" if arguments else SEQUENTIAL
    propose(repository, {**base, "pyproject.toml": table}, {"shop.py": SLOWER, "tests/shop.py": OLD})
    assert loosened(repository)[0].startswith("measures another file: the tests import shop from tests/shop.py instead")
