"""Sets up a virtual environment of its own and runs one of the project's jobs in it.

Needs Python 3.10 or later and nothing else: `python .ci/do.py example|tests|slow|checks [arguments]`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("test", "example", "check")
WORKFLOWS, ACTIONS = (
    [str(file.relative_to(ROOT)) for file in sorted(ROOT.glob(f".github/{pattern}"))]
    for pattern in ("workflows/*.yml", "actions/*/action.yml")
)
SCHEMA = ("check-jsonschema", "--builtin-schema")
JOBS: dict[str, tuple[tuple[str, ...], ...]] = {
    "example": (("pytest", "example_project"),),
    "tests": (("pytest", "-n", "2", "-m", "not slow", "--durations", "30"),),
    "slow": (("pytest", "-n", "2", "-m", "slow"),),
    "checks": (
        ("ruff", "check"),
        ("ruff", "format", "--check"),
        ("mypy", "pytest_perfbudget", "tests"),
        ("mypy", "example_project"),
        ("lint-imports",),
        ("zizmor", "--offline", "--quiet", ".github"),
        ("jactionlint", "--strict-exit"),  # a fork of actionlint that comes by pip; it calls shellcheck
        (*SCHEMA, "vendor.github-workflows", *WORKFLOWS),
        (*SCHEMA, "vendor.github-actions", *ACTIONS),
        (*SCHEMA, "vendor.dependabot", ".github/dependabot.yml"),
    ),
}

PROGRAMS: dict[str, dict[str, str]] = {
    "example": {"redis-server": "redis-server"},
    "tests": {"chromium": "chromium", "chromedriver": "chromium-driver"},
}
"""The programs that tests of a job start, each with its package of Debian."""


PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


def environment(folder: Path, wheel: Path | None) -> Path:
    """Create the virtual environment if it is missing or out of date, and return its folder of scripts."""
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + str(wheel).encode()).hexdigest()
    stamp = folder / "perfbudget-stamp"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return scripts
    print(f"setting up {folder}", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    groups = [argument for group in GROUPS for argument in ("--group", group)]
    package = [str(wheel)] if wheel else ["--editable", "."]
    _install(folder, *groups, *package)
    _neighbours(folder)
    stamp.write_text(wanted, "utf-8")
    return scripts


def _install(folder: Path, *wanted: str) -> None:
    """Install packages by uv, which takes a third of pip's time, or by pip where uv cannot install them."""
    pip = [str(_python(folder)), *PIP]
    # Dependency groups need pip 25.1, which may be newer than the one that came with Python.
    subprocess.run([*pip, "install", "--upgrade", "pip>=25.1", "uv"], check=True)
    uv = [str(_python(folder)), "-m", "uv", "--quiet", "pip", "install", "--python", str(_python(folder)), *wanted]
    if subprocess.run(uv, check=False, cwd=ROOT).returncode:
        print("uv cannot install this here: pip tries", flush=True)
        subprocess.run([*pip, "install", *wanted], check=True, cwd=ROOT)


def _neighbours(folder: Path) -> None:
    """Install plugins that tests run beside this one into an environment of their own, which sees the other's packages.

    In the environment of all tests they would shuffle and slow down every test, and print into every session.
    """
    inner = folder / "neighbours"
    venv.create(inner, with_pip=False)
    find = "import sysconfig; print(sysconfig.get_path('purelib'))"
    outer, own = (
        Path(subprocess.run([str(_python(one)), "-c", find], check=True, capture_output=True, text=True).stdout.strip())
        for one in (folder, inner)
    )
    (own / "outer.pth").write_text(f"import site; site.addsitedir({str(outer)!r})\n", "utf-8")
    # By pip, which sees the packages of the outer environment and leaves them out.
    pip = [str(_python(folder)), *PIP, "--python", str(_python(inner))]
    ended = subprocess.run([*pip, "install", "--only-binary=:all:", "--group", "neighbours"], check=False, cwd=ROOT)
    if ended.returncode:
        print("some plugins of the group neighbours cannot be installed here: their tests are skipped", flush=True)
        shutil.rmtree(inner)


def _programs(job: str) -> None:
    """Install the programs that a job's tests start, if this process may; otherwise these tests are skipped."""
    missing = [package for program, package in PROGRAMS.get(job, {}).items() if not shutil.which(program)]
    if not missing or os.name == "nt" or os.geteuid() or not shutil.which("apt-get"):
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "install", "--no-install-recommends", *missing],
    ):
        if subprocess.run(command, check=False, env=quiet, stdout=subprocess.DEVNULL).returncode:
            print(f"{', '.join(missing)} cannot be installed here: tests that need it are skipped", flush=True)
            return


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def main() -> int:
    """Run the job; its exit code is the first that is not zero."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="the virtual environment (default: .venv)")
    parser.add_argument("--wheel", type=Path, help="test this built wheel instead of the checkout")
    options, arguments = parser.parse_known_args()
    scripts = environment(options.venv.resolve(), options.wheel and options.wheel.resolve())
    _programs(options.job)
    # The tests start hundreds of processes, each of which would compile the package anew.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    kept["PATH"] = os.pathsep.join([str(scripts), os.environ.get("PATH", os.defpath)])
    for name, *rest in JOBS[options.job]:
        print("$", name, *rest, *arguments, flush=True)
        code = subprocess.run([str(scripts / name), *rest, *arguments], cwd=ROOT, env=kept, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
