"""`--perf-prune`: which lines an update removes."""

from __future__ import annotations

import json

import pytest
from baselines import baseline_file, lines, profiles_file
from programs import perf_program
from scripting import TWO_WORKERS, Project

PRUNE = ("--perf-update-baseline", "--perf-prune")


def test_prune_removes_what_is_no_longer_there(based: Project) -> None:
    renamed = perf_program(call_name="test_renamed")
    based.run(renamed, "--perf-update-baseline")
    assert set(lines(based)) == {"test_body", "test_call step", "test_renamed step"}
    result = based.run(renamed, *PRUNE)
    result.stdout.fnmatch_lines(["*test_call step *removed", "perf-baseline.json: 1 removed, 2 unchanged"])
    assert set(lines(based)) == {"test_body", "test_renamed step"}


def test_prune_removes_a_measurement_that_its_test_no_longer_makes(based: Project) -> None:
    named = perf_program(call='perf(advance, 0.2, name="other")')
    based.run(named, *PRUNE)
    assert set(lines(based)) == {"test_body", "test_call other"}


def test_prune_needs_whole_files(based: Project) -> None:
    result = based.run(perf_program(), *PRUNE, "test_it.py::test_body")
    result.stderr.fnmatch_lines(["ERROR: --perf-prune takes files or folders: with single tests nothing *"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_prune_removes_what_is_no_perf_test_any_more(based: Project) -> None:
    plain = perf_program(marks=[])
    result = based.run(plain)
    result.stdout.fnmatch_lines(["missing: test_it.py::test_body: *--perf-prune"])
    based.run(plain, *PRUNE)
    assert set(lines(based)) == {"test_call step"}


@pytest.mark.parametrize("fault", ["pytest.importorskip('not_installed')", "1 / 0"], ids=["skipped", "broken"])
def test_prune_leaves_what_is_in_a_file_that_is_skipped_or_broken(based: Project, fault: str) -> None:
    other = "import pytest\nfrom scripted import advance\n@pytest.mark.perf_budget\ndef test_other(): advance(1)\n"
    based.file("test_other.py", other)
    based.run(perf_program(at_import=fault), *PRUNE, "--continue-on-collection-errors")
    assert {"test_body", "test_call step"} <= set(lines(based))


def test_prune_under_xdist(based: Project) -> None:
    based.run(perf_program(call_name="test_renamed"), *PRUNE, *TWO_WORKERS)
    assert set(lines(based)) == {"test_body", "test_renamed step"}


def test_prune_leaves_the_call_profile_that_another_machine_needs(based: Project) -> None:
    document = json.loads(baseline_file(based).read_text("utf-8"))
    (key,) = document["machines"]
    document["machines"]["other"] = {**document["machines"][key], "cpu": "another"}
    document["measurements"] += [{**one, "machine": "other"} for one in document["measurements"]]
    baseline_file(based).write_text(json.dumps(document), "utf-8")
    renamed = perf_program(call_name="test_renamed")
    based.run(renamed, *PRUNE).stdout.fnmatch_lines(["*: 1 new, 1 removed, *"])
    assert "test_it.py::test_call" in profiles_file(based).read_text("utf-8")
    del document["measurements"][2:]
    baseline_file(based).write_text(json.dumps(document), "utf-8")
    based.run(renamed, *PRUNE)
    assert "test_it.py::test_call" not in profiles_file(based).read_text("utf-8")


def test_prune_leaves_what_was_only_not_selected(based: Project) -> None:
    based.run(perf_program(), *PRUNE, "-k", "body")
    assert set(lines(based)) == {"test_body", "test_call step"}
