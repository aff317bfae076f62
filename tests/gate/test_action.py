"""The action itself: its steps, run by a shell in checkouts of real pull requests."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from action_steps import ACTION, ROOT, ActionRun, run_action
from pull_requests import Origin, PullRequestRefs
from scripting import CONFTEST, SCRIPTED

from pytest_perfbudget.gate.verdict_file import parse_verdict

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the steps are for bash")

SHOP = """
from scripted import advance

def price(number):
    advance(number)
"""
SLOWER = SHOP.replace("advance(number)", "advance(1.1 * number)")
TESTS = """
from shop import price

def test_price(perf):
    perf(price, 1, max_ms=50)
"""
PYPROJECT = "[tool.pytest.ini_options]\npythonpath = ['.']\n"
TOLERANT = f'{PYPROJECT}[tool.perfbudget]\nmax_regression = "100%"\n'
FORGIVING = TOLERANT.replace("[tool.perfbudget]", 'addopts = "--perf-gate=warn"\n[tool.perfbudget]')
SHADOWS = dict.fromkeys(("pytest.py", "pytest_perfbudget/__init__.py", "pytest_perfbudget/__main__.py"), "exit()\n")
INSTALLED = {"install": "true"}  # the environment of these tests has the plugin


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    files = {"shop.py": SHOP, "tests/test_shop.py": TESTS, "pyproject.toml": PYPROJECT, "README.md": "a\n"}
    clock = {"scripted.py": SCRIPTED, "conftest.py": CONFTEST}
    return Origin.make(tmp_path, {**files, **clock, ".gitignore": "__pycache__\nperf-report\n.pytest_cache\n"})


def run(opened: PullRequestRefs, folder: Path, **inputs: str) -> ActionRun:
    """Run the action in a checkout of the pull request, without other plugins of pytest."""
    lean = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_perfbudget.plugin.hooks"}
    environment = opened.environment(folder.parent)
    return run_action(opened.checkout(folder), {**environment, **lean}, {**INSTALLED, **inputs})


def test_a_change_of_the_documentation_is_green_and_installs_nothing(tmp_path: Path, origin: Origin) -> None:
    opened = origin.open({"README.md": "b\n"})
    ended = run(opened, tmp_path / "work", install="exit 9")
    sentence = f"Nothing that runs has changed since {opened.base[:9]} (README.md), so no test was run."
    assert (ended.code, ended.outputs["verdict"], ended.ran) == (0, "passed", ["find the base", "keep the reports"])
    assert ended.summary == f"# Performance: passed\n\n```text\n{sentence}\n```\n\nVerdict after 0 s.\n\n"
    saved = parse_verdict((tmp_path / "work/perf-report/verdict.json").read_bytes())  # for the comment
    assert saved.verdict.reason == sentence
    assert sentence in ended.output


def test_slower_code_is_regressed_although_the_pull_request_allows_it(tmp_path: Path, origin: Origin) -> None:
    opened = origin.open({"shop.py": SLOWER, "pyproject.toml": TOLERANT})
    folder = tmp_path / "work"
    ended = run(opened, folder)
    assert (ended.code, ended.outputs) == (1, {"verdict": "regressed", "base": opened.base}), ended.output
    assert ended.summary.startswith("# Performance: slower than its base, and loosens 1 limit\n\n```text\n")
    assert "max_regression = 5 % -> 100 %" in ended.output
    assert "::error file=tests/test_shop.py" in ended.output
    assert re.search(
        r"^Performance: slower than its base, and loosens 1 limit \(regressed\) after \d+ s\. ",
        ended.output,
        re.MULTILINE,
    )
    found = parse_verdict((folder / "perf-report/verdict.json").read_bytes())
    assert found.failures[0][0] == "tests/test_shop.py::test_price price"
    assert {"report.json", "report.html", "verdict.json"} <= {one.name for one in (folder / "perf-report").iterdir()}
    assert ended.ran[-1] == "keep the reports"


def test_changed_code_that_is_no_slower_passes(tmp_path: Path, origin: Origin) -> None:
    ended = run(origin.open({"shop.py": f"# a remark\n{SHOP}"}), tmp_path / "work")
    assert (ended.code, ended.outputs["verdict"]) == (0, "passed"), ended.output


@pytest.mark.parametrize(
    ("change", "inputs", "code", "outcome", "said"),
    [
        ({"tests/test_shop.py": TESTS.replace("=50)", "=0.5)")}, {}, 3, "exceeded", "over a budget"),
        ({"shop.py": SLOWER, "pyproject.toml": FORGIVING}, {}, 2, "error", "weakens its own gate by --perf-gate=warn"),
        ({"shop.py": SLOWER, **SHADOWS}, {}, 2, "error", "no verdict"),
        ({"shop.py": "def price("}, {}, 2, "error", "Performance%3A no verdict"),
        (
            {"shop.py": SLOWER},
            {"arguments": "--no-such-option"},
            2,
            "error",
            "pytest could not start: unrecognized arguments: --no-such-option",
        ),
        (
            {"shop.py": SLOWER},
            {"install": "true\nexit 3\n"},  # 3 is the code of `exceeded`
            2,
            "error",
            "no verdict::The project is not installed: the command of the input install ended with exit code 3.",
        ),
        (
            {"shop.py": SLOWER},
            {"python": "/nowhere/python"},
            2,
            "error",
            "no verdict::pytest-perfbudget is not installed: pip for the interpreter of the input python ended with",
        ),
        ({"shop.py": SLOWER}, {"base": "nowhere"}, 2, "error", "--base: 'nowhere' is no commit"),
    ],
)
def test_each_end_has_its_own_word(
    tmp_path: Path,
    origin: Origin,
    *,
    change: dict[str, str],
    inputs: dict[str, str],
    code: int,
    outcome: str,
    said: str,
) -> None:
    opened = origin.open(change)
    ended = run(opened, tmp_path / "work", **inputs)
    assert (ended.code, ended.outputs["verdict"]) == (code, outcome), ended.output
    assert said in ended.output


def test_a_project_that_is_not_installed_has_a_verdict_for_the_page_and_for_the_comment(
    tmp_path: Path, origin: Origin
) -> None:
    ended = run(origin.open({"shop.py": SLOWER}), tmp_path / "work", install="exit 9")
    sentence = "The project is not installed: the command of the input install ended with exit code 9."
    assert ended.ran == ["find the base", "install the project", "keep the reports"]
    assert sentence in ended.summary
    assert parse_verdict((tmp_path / "work/perf-report/verdict.json").read_bytes()).verdict.reason == sentence


def test_a_fast_copy_of_slower_code_is_no_way_through(tmp_path: Path, origin: Origin) -> None:
    opened = origin.open({"shop.py": SLOWER, "tests/shop.py": SHOP})
    ended = run(opened, tmp_path / "work")
    assert (ended.code, ended.outputs["verdict"]) == (2, "error"), ended.output
    assert "measures another file: the tests import shop from tests/shop.py instead of shop.py" in ended.summary


def test_arguments_are_words_and_nothing_of_them_is_run(tmp_path: Path, origin: Origin) -> None:
    opened = origin.open({"shop.py": f"# a remark\n{SHOP}"})
    hostile = "-k '$(touch stolen)' \"; touch stolen; \" `touch stolen`"
    ended = run(opened, tmp_path / "work", arguments=hostile)
    assert (ended.code, ended.outputs["verdict"]) == (2, "error")
    assert "ERROR: file or directory not found: ; touch stolen; \n" in ended.output  # a name, not a command
    assert not list(tmp_path.rglob("stolen"))


def test_the_pull_request_is_not_judged_by_a_package_of_its_own(tmp_path: Path, origin: Origin) -> None:
    folder = origin.open(SHADOWS).checkout(tmp_path / "work")
    run_script = [sys.executable, str(ACTION.parent / "run.py"), "pytest_perfbudget", "--help"]

    def ended(path: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": path}
        return subprocess.run(run_script, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    refused = ended(str(folder))
    assert refused.returncode == 2
    assert "a file of the pull request, which would judge itself" in refused.stdout
    assert "judge the pull request that is checked out" in ended(str(ROOT)).stdout


def test_the_first_step_needs_only_the_standard_library(tmp_path: Path, origin: Origin) -> None:
    opened = origin.open({"README.md": "b\n"})
    environment = {**os.environ, **opened.environment(tmp_path), "PYTHONPATH": str(ROOT)}
    script = str(ACTION.parent / "run.py")
    bare = [sys.executable, "-S", script, "pytest_perfbudget.gate"]  # without site-packages
    folder = opened.checkout(tmp_path / "work")
    ended = subprocess.run(bare, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def workflow_files() -> list[Path]:
    return [*ROOT.glob(".github/**/*.yml"), *ROOT.glob(".github/**/*.yaml")]


def used_actions() -> dict[str, set[str]]:
    """Return the pins of each action in the workflows, the actions, the templates of `init` and the guide."""
    package = ROOT / "pytest_perfbudget"
    files = [*workflow_files(), *package.glob("init/templates/*.yml"), *package.glob("guide/*.md")]
    found: dict[str, set[str]] = {}
    for file in files:
        for name, pin in re.findall(r"\buses: ([a-z][^@\s]*)(.*)$", file.read_text("utf-8"), re.MULTILINE):
            found.setdefault(name, set()).add(pin)
    return found


def test_every_action_is_pinned_by_its_hash_with_the_version_beside() -> None:
    pins = [pin for own in used_actions().values() for pin in own]
    assert pins
    assert [one for one in pins if not re.fullmatch(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_an_action_has_the_same_version_everywhere() -> None:
    """Updates of dependencies reach the workflows only; this test brings them to the templates and to the guide."""
    actions = used_actions()
    assert len(actions) >= 5
    assert {name: pins for name, pins in actions.items() if len(pins) > 1} == {}


def test_no_step_puts_an_expression_into_its_script() -> None:
    """Whatever a branch or a label is called would be run."""
    described = [yaml.safe_load(file.read_text("utf-8")) for file in workflow_files()]
    jobs = [job for one in described for job in one.get("jobs", {}).values()]
    steps = [step for one in (*jobs, *(one["runs"] for one in described if "runs" in one)) for step in one["steps"]]
    scripts = [step["run"] for step in steps if "run" in step]
    assert scripts
    assert not [script for script in scripts if "${{" in script]


def test_the_actions_have_the_keys_that_github_knows() -> None:
    for file in ROOT.glob(".github/actions/*/action.yml"):
        described = yaml.safe_load(file.read_text("utf-8"))
        assert set(described) <= {"name", "description", "inputs", "outputs", "runs"}
        assert described["runs"]["using"] == "composite"
        for one in described["inputs"].values():
            assert set(one) == {"description", "default"}
        for step in described["runs"]["steps"]:
            keys = {"uses", "with"} if "uses" in step else {"run", "shell"}
            known = {"id", "name", "if", "env", "working-directory", "continue-on-error"}
            assert keys <= set(step) <= keys | known


def test_every_input_is_described_and_used() -> None:
    text = ACTION.read_text("utf-8")
    for name, one in yaml.safe_load(text)["inputs"].items():
        assert one["description"].endswith(".")
        assert f"inputs.{name} " in text


@pytest.mark.skipif(not shutil.which("zizmor", path=str(Path(sys.executable).parent)), reason="zizmor is not installed")
def test_zizmor_finds_nothing() -> None:
    program = str(Path(sys.executable).parent / "zizmor")
    ended = subprocess.run(
        [program, "--offline", "--format", "json", str(ROOT / ".github")], capture_output=True, text=True, check=False
    )
    assert json.loads(ended.stdout) == []


SUMMING = "def price(number):\n    return sum(range(number))\n"
LONG_CALL = TESTS.replace("price, 1,", "price, 5_000,")
BLIND = 'def test_blind(perf):\n    perf(price, 5_000, max_regression="900%")\n'


@pytest.mark.parametrize(
    ("tests", "code", "said"),
    [
        (f"{LONG_CALL}\n{BLIND}", 2, "1 of 2 perf tests stays blind: tests/test_shop.py::test_blind."),
        pytest.param(LONG_CALL, 0, "The gate is awake: 1 perf test found 1 function with", marks=pytest.mark.slow),
    ],
    ids=["blind", "awake"],
)
def test_the_self_test_plants_a_slowdown_that_every_test_has_to_see(
    tmp_path: Path, origin: Origin, *, tests: str, code: int, said: str
) -> None:
    opened = origin.open({"shop.py": SUMMING, "tests/test_shop.py": tests, "conftest.py": ""})
    ended = run(opened, tmp_path / "work", **{"self-test": "true", "arguments": "--perf-max-time=50ms"})
    assert (ended.code, ended.outputs["verdict"]) == (code, "error" if code else "passed"), ended.output
    assert said in ended.output
    assert ("\nblind: tests/test_shop.py::test_blind: its time is unchanged at +" in ended.output) is (code > 0)
    assert (tmp_path / "work/shop.py").read_text("utf-8") == SUMMING
