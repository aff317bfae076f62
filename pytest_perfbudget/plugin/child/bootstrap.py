"""The script that a fresh process runs: it reads the request from standard input and starts pytest.

The script imports nothing from this package. Otherwise pytest would find the package already imported, and warn that
its assertions cannot be rewritten.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
from importlib.machinery import PathFinder
from pathlib import Path
from types import CodeType
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from importlib.machinery import ModuleSpec
    from types import FrameType, ModuleType


def _tear_down_when_terminated() -> Callable[[], None]:
    """Let a request to end (SIGTERM) interrupt pytest, which then tears the fixtures down, and so ends their servers.

    A request that comes while fixtures are torn down changes nothing, because an interrupted fixture would leave its
    server behind. The session does not wait long, and kills a process that does not end; a reaper does so if the
    session was killed. A forked child is ended by the signal itself: the signal is blocked during the fork, because
    Python drops a signal that comes before the child has begun.

    Returns:
        A function to call before the fixtures are torn down: from then on, a request to end interrupts nothing.
    """
    if os.name != "posix":
        return lambda: None

    def interrupt(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, ignore)
        raise KeyboardInterrupt

    def ignore(_number: int, _frame: FrameType | None) -> None:  # SIG_IGN would hold in programs that teardown runs
        pass

    def shield_teardown() -> None:
        is_main = threading.current_thread() is threading.main_thread()  # no other thread may change a handler
        if is_main and signal.getsignal(signal.SIGTERM) is interrupt:
            signal.signal(signal.SIGTERM, ignore)

    before: list[set[int]] = []

    def block() -> None:
        before.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})))

    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before.pop())

    def begin_child() -> None:
        if signal.getsignal(signal.SIGTERM) in (interrupt, ignore):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        unblock()

    signal.signal(signal.SIGTERM, interrupt)
    os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=begin_child)
    return shield_teardown


class Channel:
    """The request, the streams of later commands and of answers, and what else the script shares with the worker.

    The worker finds this plugin by name.

    Args:
        request: the request as builtins.
        commands: the stream of later commands.
        answers: the stream of answers.
        executed: returns the files whose code has run since the last call.
        shield_teardown: see `_tear_down_when_terminated`.
    """

    def __init__(
        self,
        request: dict[str, Any],
        commands: IO[str],
        answers: IO[str],
        executed: Callable[[], Collection[str]],
        shield_teardown: Callable[[], None],
    ) -> None:
        self.__name__ = "perfbudget-channel"
        self.request = request
        self.commands = commands
        self.answers = answers
        self.executed = executed
        self.shield_teardown = shield_teardown


def _redirect(top: str, tree: str) -> None:
    """Let the import finders of editable installations find the modules of the checkout.

    Such finders keep the paths of modules in dictionaries, singly or in lists. The dictionaries are attributes of the
    finder or of the module that defines it.
    """
    for finder in sys.meta_path:
        kind = finder if isinstance(finder, type) else type(finder)
        home = vars(sys.modules[kind.__module__]) if "editable" in kind.__module__ else {}
        for place in (home, vars(finder) if hasattr(finder, "__dict__") else {}):
            for name, value in list(place.items()):
                if isinstance(value, dict) and not name.startswith("__"):
                    value.update({key: _moved(one, top, tree) for key, one in value.items()})


def _keep_own(top: str, scratch: str) -> None:
    """Keep this package importable in the session's version if it lies in the working tree.

    Otherwise the process would import the checkout's version of it.
    """
    package = Path(__file__).resolve().parents[2]
    if package.is_relative_to(top) and "site-packages" not in package.parts:
        own = Path(scratch, "own")
        shutil.copytree(package, own / package.name, ignore=shutil.ignore_patterns("*.pyc"))
        sys.path.insert(0, str(own))


class ExecutedFiles:
    """An audit hook that notes the file of each code object that `exec` or `eval` runs, in all threads.

    Code also runs without an import: `runpy.run_path`, `exec(compile(...))`.

    A hook cannot be removed, and costs a fraction of a microsecond whenever the interpreter audits something, such as
    an opened file. So both sides of a comparison have the hook, and no other process has it.
    """

    def __init__(self) -> None:
        self._noted: set[str] = set()
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "exec" and isinstance(code := arguments[0], CodeType):
            self._noted.add(code.co_filename)

    def take(self) -> list[str]:
        """Return the files that were noted since the last call."""
        taken, self._noted = self._noted, set()
        return sorted(taken)


class PyximportHook:
    """An import hook that lets pyximport build the modules of another commit in a folder of their own.

    In pyximport's own folder, the module of one commit would replace the module of the other, and the user's next run
    would execute it.

    Both sides have the hook and neither imports pyximport, because the time of a body may depend on what is imported:
    freezegun visits every module.

    Args:
        folder: the folder; empty leaves pyximport as it is.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 - the protocol
        """Return a spec of pyximport's main module that redirects its builds when loaded; nothing for others."""
        if name != "pyximport.pyximport":
            return None
        with contextlib.suppress(ValueError):  # the project may have wrapped the finders
            sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if self._folder and spec and spec.loader:
            load = spec.loader.exec_module

            def load_and_redirect(module: ModuleType) -> None:
                load(module)
                self._redirect(module)

            spec.loader.exec_module = load_and_redirect  # type: ignore[method-assign]
        return spec

    def _redirect(self, pyximport: ModuleType) -> None:
        build = pyximport.build_module

        def build_apart(name: str, pyxfilename: str, pyxbuild_dir: str = "", **more: object) -> object:  # noqa: ARG001
            from filelock import FileLock  # noqa: PLC0415 - only to build

            Path(self._folder).mkdir(exist_ok=True)
            with FileLock(Path(self._folder, "lock")):  # the processes of several workers build the same module
                return build(name, pyxfilename, pyxbuild_dir=self._folder, **more)

        pyximport.build_module = build_apart  # type: ignore[attr-defined]


def _is_below(path: str, *folders: str) -> bool:
    return any((path + os.sep).startswith(folder + os.sep) for folder in folders)


def _moved(value: object, top: str, tree: str) -> object:
    if isinstance(value, list):
        return [_moved(one, top, tree) for one in value]
    if isinstance(value, str) and Path(value).is_absolute():
        for path in (value, os.path.realpath(value)):
            if _is_below(path, top):
                return tree + path[len(top) :]
    return value


def main() -> int:
    """Reserve standard input and output for the channel, and run pytest."""
    commands = os.fdopen(os.dup(0), encoding="utf-8")
    request = json.loads(commands.readline())
    with (
        contextlib.suppress(BrokenPipeError),  # the session has ended, and an answer is still unsent
        commands,
        os.fdopen(os.dup(1), "w", encoding="utf-8") as answers,
    ):
        # From here on, printed text goes to standard error, which is the log.
        os.dup2(2, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        if request["compiled"]:  # so that child processes keep the modules that they compile
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
            os.environ["PYTHONPYCACHEPREFIX"] = request["compiled"]
        own = [one for one in sys.path if request["home"] and _is_below(one, request["home"], request["tree"])]
        sys.path[:] = own + request["path"]
        if request["tree"]:
            _redirect(request["top"], request["tree"])
            _keep_own(request["top"], request["scratch"])
        builds = str(Path(request["tree"]).parent / "perfbudget-pyximport") if request["tree"] else ""
        sys.meta_path.insert(0, PyximportHook(builds))
        executed = ExecutedFiles().take if request["top"] else tuple
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # As in a job of the background. asyncio.run calls more functions where the signal is not ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        shield_teardown = _tear_down_when_terminated()
        import pytest  # noqa: PLC0415 - found on the session's search path, with the plugins that lie there

        ours = ["-p", "pytest_perfbudget.plugin.child.entry"]
        if request["has_cache"]:
            ours += ["-o", f"cache_dir={request['scratch']}/cache"]
        channel = Channel(request, commands, answers, executed, shield_teardown)
        return int(pytest.main([*request["arguments"], *ours], plugins=[channel]))
    return 1


if __name__ == "__main__":
    sys.exit(main())
