from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from pytest_perfbudget.atomic_write import is_written_directly, replace_text


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


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_named_pipe_gets_the_text_and_stays_a_pipe(tmp_path: Path, through_a_link: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # a writer waits until there is a reader
    try:
        replace_text(link if through_a_link else pipe, "text")
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert link.is_symlink()


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
def test_a_link_to_a_file_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("a longer old text", "utf-8")
    link.symlink_to(file)
    replace_text(link, "text")
    assert link.is_symlink()
    assert file.read_text("utf-8") == "text"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/dev/stdout", True), ("/dev/stderr", True), ("/dev/fd/3", True), ("dev/stdout", False), ("/dev/shm", False)],
)
def test_standard_output_is_written_directly(path: str, expected: bool) -> None:
    assert is_written_directly(Path(path)) is expected
