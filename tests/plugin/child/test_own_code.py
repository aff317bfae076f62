"""The code that a process has imported is looked at once."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from pytest_perfbudget.checkout.code_identity import PassedModules
from pytest_perfbudget.plugin.child import own_code
from pytest_perfbudget.plugin.child.own_code import OwnCode
from pytest_perfbudget.processes.protocol import Answer, Request


@pytest.mark.parametrize(("tree", "check"), [("", "stale_module"), ("/tree", "foreign_module")], ids=["head", "base"])
def test_each_look_knows_the_modules_that_have_passed(monkeypatch: pytest.MonkeyPatch, tree: str, check: str) -> None:
    """Else the modules of a large project would be looked at after each test."""
    known: list[object] = []

    def look(*given: object) -> str:
        known.append(given[-1])
        return ""

    monkeypatch.setattr(own_code, check, look)
    code = OwnCode(Request((), "", (), (), top="/top", tree=tree), tuple)
    for _ in range(2):
        assert code.wrong(Path("/top"), Answer("a.py::t", "", [])) == ""
    assert isinstance(known[0], PassedModules)
    assert known[0] is known[1]


def test_a_module_of_the_side_is_told_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = OwnCode(Request((), "", (), (), top=str(tmp_path)), tuple)
    assert code.new_modules() == {}
    for name in ("menu", "wares"):
        module = ModuleType(name)
        module.__file__ = str(tmp_path.resolve() / f"{name}.py")
        monkeypatch.setitem(sys.modules, name, module)
        assert code.new_modules() == {name: f"{name}.py"}
    assert code.new_modules() == {}
