"""Builds the wheel and the source distribution into `dist`, and checks them with twine and check-wheel-contents.

`python .ci/distributions.py [--tag v0.2.0]`: a tag has to be that of the version in pyproject.toml.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("build", "twine", "check-wheel-contents")


def main() -> int:
    """Build and check; the exit code is the first that is not zero."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", help="the tag of the release")
    options = parser.parse_args()
    found = re.search(r'(?m)^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"))
    version = found[1] if found else ""
    if options.tag not in {None, f"v{version}"}:
        print(f"the tag {options.tag} is not that of the version {version} in pyproject.toml")
        return 1
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="perfbudget-distributions-") as folder:
        venv.create(folder, with_pip=True)
        python = next(
            str(one) for one in (Path(folder, "bin/python"), Path(folder, "Scripts/python.exe")) if one.exists()
        )
        subprocess.run([python, "-m", "pip", "--quiet", "install", *TOOLS], check=True)
        subprocess.run([python, "-m", "build"], check=True, cwd=ROOT)
        files = sorted(map(str, (ROOT / "dist").iterdir()))
        wheels = [one for one in files if one.endswith(".whl")]
        for command in (["twine", "check", "--strict", *files], ["check_wheel_contents", *wheels]):
            print("$", *command, flush=True)
            if code := subprocess.run([python, "-m", *command], cwd=ROOT, check=False).returncode:
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
