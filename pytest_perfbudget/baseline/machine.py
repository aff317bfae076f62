"""The identity of a machine: the properties that decide its speed and do not change from boot to boot."""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

_KEY_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine profile in the baseline: times are judged only against times from the same profile.

    Attributes:
        cpu: the model of the processor, as the processor names itself.
        architecture: the architecture: `x86_64`, `arm64`, ...
        system: the operating system: `Linux`, `Darwin`, `Windows`.
        python: the implementation and the minor version of Python: `CPython 3.11`.
    """

    cpu: str
    architecture: str
    system: str
    python: str

    @property
    def key(self) -> str:
        """A short name by which lines of the baseline refer to the machine, the same wherever the name is made."""
        text = f"{self.cpu}\n{self.architecture}\n{self.system}\n{self.python}"
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]

    def __str__(self) -> str:
        """Return the machine in words for a reader."""
        return f"{self.cpu}, {self.architecture}, {self.system}, {self.python}"

    def to_dict(self) -> dict[str, str]:
        """Return the machine as builtins."""
        return asdict(self)


@lru_cache(maxsize=1)
def this_machine() -> Machine:
    """Return the machine that this process runs on."""
    python = f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}"
    # An interpreter without the global lock is a different interpreter, and slower.
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        python += "t"
    architecture = platform.machine()
    return Machine(_cpu() or architecture, architecture, platform.system(), python)


def _cpu() -> str:
    """Return the model of the processor; empty if the system does not tell the model."""
    # platform.processor() is empty or "x86_64" on Linux, and py-cpuinfo takes a second.
    with suppress(OSError, subprocess.SubprocessError):
        if sys.platform == "linux":
            return linux_cpu(Path("/proc/cpuinfo").read_text("utf-8", "replace"))
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603 - fixed
    return platform.processor()


def linux_cpu(cpuinfo: str) -> str:
    """Return the model of the first processor in a text with the form of /proc/cpuinfo."""
    rows = re.finditer(r"^([^:\n]*?)\s*: (.+?)\s*$", cpuinfo.partition("\n\n")[0], re.MULTILINE)
    first = {row[1]: row[2] for row in rows}
    if "model name" in first:
        # Virtual machines shorten the name ("AMD EPYC"); the numbers tell the generation.
        numbers = [
            f"{what} {first[key]}" for what, key in (("family", "cpu family"), ("model", "model")) if key in first
        ]
        return re.sub(r"\s+", " ", " ".join([first["model name"], *numbers]))
    parts = [first[key] for key in ("CPU implementer", "CPU part", "CPU variant") if key in first]
    return " ".join(parts)
