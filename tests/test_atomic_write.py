from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from pytest_perfbudget.atomic_write import replace_text


def test_a_file_in_a_new_folder_is_written(tmp_path: Path) -> None:
    replace_text(tmp_path / "new" / "report.json", "text")
    assert (tmp_path / "new" / "report.json").read_text("utf-8") == "text"


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.json"
    replace_text(file, "old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_text(file, "new")
    assert file.read_text("utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_file_is_as_readable_as_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("", "utf-8")
    replace_text(tmp_path / "report.json", "")
    modes = {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("plain", "report.json")}  # noqa: PTH116
    assert len(modes) == 1
