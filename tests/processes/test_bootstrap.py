"""What a fresh process does before it starts pytest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_perfbudget.plugin.child.bootstrap import PyximportHook


def test_the_hook_for_pyximport_bears_a_project_that_wraps_the_finders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    (tmp_path / "pyximport.py").write_text("")
    spec = PyximportHook("builds").find_spec("pyximport.pyximport", [str(tmp_path)])
    assert spec is not None
    assert spec.origin == str(tmp_path / "pyximport.py")


def test_the_hook_leaves_once_pyximport_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = PyximportHook("")
    monkeypatch.setattr(sys, "meta_path", [hook, *sys.meta_path])
    assert hook.find_spec("json.decoder") is None
    assert hook in sys.meta_path
    hook.find_spec("pyximport.pyximport", [str(tmp_path)])
    assert hook not in sys.meta_path
