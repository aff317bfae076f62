"""`--perf-prune`: which lines an update removes."""

from __future__ import annotations

import json

import pytest
from programs import TWO, lines
from scripting import Project

pytestmark = pytest.mark.usefixtures("few_plugins")


def test_prune_removes_what_is_no_longer_there(based: Project) -> None:
    renamed = TWO.replace("test_call", "test_renamed")
    based.run(renamed, "--perf-update-baseline")
    assert set(lines(based)) == {"test_body", "test_call step", "test_renamed step"}
    result = based.run(renamed, "--perf-update-baseline", "--perf-prune")
    result.stdout.fnmatch_lines(["*test_call step *removed", "perf-baseline.json: 1 removed, 2 unchanged"])
    assert set(lines(based)) == {"test_body", "test_renamed step"}


def test_prune_removes_a_measurement_that_its_test_no_longer_makes(based: Project) -> None:
    named = TWO.replace('name="step"', 'name="other"')
    based.run(named, "--perf-update-baseline", "--perf-prune")
    assert set(lines(based)) == {"test_body", "test_call other"}


def test_prune_needs_whole_files(based: Project) -> None:
    result = based.run(TWO, "--perf-update-baseline", "--perf-prune", "test_it.py::test_body")
    result.stderr.fnmatch_lines(["ERROR: --perf-prune takes files or folders: with single tests nothing *"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_prune_removes_what_is_no_perf_test_any_more(based: Project) -> None:
    plain = TWO.replace("@pytest.mark.perf_budget\n", "")
    result = based.run(plain)
    result.stdout.fnmatch_lines(["missing: test_it.py::test_body: *--perf-prune"])
    based.run(plain, "--perf-update-baseline", "--perf-prune")
    assert set(lines(based)) == {"test_call step"}


@pytest.mark.parametrize("fault", ["pytest.importorskip('not_installed')", "1 / 0"], ids=["skipped", "broken"])
def test_prune_leaves_what_is_in_a_file_that_is_skipped_or_broken(based: Project, fault: str) -> None:
    other = "import pytest\nfrom scripted import advance\n@pytest.mark.perf_budget\ndef test_other(): advance(1)\n"
    based.file("test_other.py", other)
    broken = (fault + "\n" + TWO, "--perf-update-baseline", "--perf-prune", "--continue-on-collection-errors")
    based.run(*broken)
    assert {"test_body", "test_call step"} <= set(lines(based))


def test_prune_under_xdist(based: Project) -> None:
    based.run(TWO.replace("test_call", "test_renamed"), "--perf-update-baseline", "--perf-prune", "-n", "2")
    assert set(lines(based)) == {"test_body", "test_renamed step"}


def test_prune_leaves_the_call_profile_that_another_machine_needs(based: Project) -> None:
    file, profiles = (based.pytester.path / f"perf-baseline{end}" for end in (".json", ".calls.json"))
    document = json.loads(file.read_text("utf-8"))
    (key,) = document["machines"]
    document["machines"]["other"] = {**document["machines"][key], "cpu": "another"}
    document["measurements"] += [{**one, "machine": "other"} for one in document["measurements"]]
    file.write_text(json.dumps(document), "utf-8")
    renamed = TWO.replace("test_call", "test_renamed")
    based.run(renamed, "--perf-update-baseline", "--perf-prune").stdout.fnmatch_lines(["*: 1 new, 1 removed, *"])
    assert "test_it.py::test_call" in profiles.read_text("utf-8")
    del document["measurements"][2:]
    file.write_text(json.dumps(document), "utf-8")
    based.run(renamed, "--perf-update-baseline", "--perf-prune")
    assert "test_it.py::test_call" not in profiles.read_text("utf-8")


def test_prune_leaves_what_was_only_not_selected(based: Project) -> None:
    based.run(TWO, "--perf-update-baseline", "--perf-prune", "-k", "body")
    assert set(lines(based)) == {"test_body", "test_call step"}
