"""Counts what a gate says of each workload, for the scripts that measure its accuracy."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pytest_perfbudget.doctor.trial import Case, Session


class WorkloadTally:
    """What one gate said of each workload: clean ones that failed, slowed ones that were caught, and each miss."""

    def __init__(self) -> None:
        self.failed_clean: dict[str, list[bool]] = defaultdict(list)
        self.caught: dict[str, dict[float, list[bool]]] = defaultdict(lambda: defaultdict(list))
        self.cases: list[dict[str, Any]] = []

    def add(self, session: Session) -> None:
        """Count a session."""
        for case in session.cases:
            if case.slowdown:
                self.caught[case.workload][case.slowdown].append(case.is_red)
            else:
                self.failed_clean[case.workload].append(case.is_red)
            self.cases.append(_to_dict(case))

    def table(self) -> str:
        """Return a Markdown table with a row for each workload."""
        shares = sorted({share for found in self.caught.values() for share in found})
        rows = [
            "| workload | clean ones that failed | " + " | ".join(f"+{share:.0%} caught" for share in shares) + " |"
        ]
        rows += ["|---|---|" + "---|" * len(shares)]
        for name in dict.fromkeys([*self.failed_clean, *self.caught]):
            cells = [_of(self.failed_clean[name]), *(_of(self.caught[name][share]) for share in shares)]
            rows.append(f"| {name} | " + " | ".join(cells) + " |")
        return "\n".join(rows)


def _of(hits: Sequence[bool]) -> str:
    return f"{sum(hits)} of {len(hits)}" if hits else "-"


def _to_dict(case: Case) -> dict[str, Any]:
    return {name: getattr(case, name) for name in Case.__dataclass_fields__}


def add_choices(parser: argparse.ArgumentParser, shares: Iterable[float]) -> None:
    """Add the arguments that choose workloads and slowdowns."""
    parser.add_argument("--only", default="", help="the workloads, separated by commas; all if empty")
    usual = ",".join(f"{share:.0%}" for share in shares)
    parser.add_argument(
        "--slowdowns", default=usual, help=f"the slowdowns, separated by commas ({usual})".replace("%", "%%")
    )
    parser.add_argument("--output", type=Path)


def chosen(options: argparse.Namespace, known: Iterable[str]) -> tuple[list[str], tuple[float, ...]]:
    """Return the names of the workloads and the slowdowns, as shares."""
    names = [name.strip() for name in options.only.split(",") if name.strip()] or list(known)
    if unknown := set(names) - set(known):
        message = f"--only: no workload is called {', '.join(sorted(unknown))}; there are {', '.join(known)}"
        raise SystemExit(message)
    return names, tuple(float(share.strip().rstrip("%")) / 100 for share in options.slowdowns.split(","))
