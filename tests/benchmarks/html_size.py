"""Measures HTML reports: the size of the file, and the time until Chromium shows the list and answers a search.

    python tests/benchmarks/html_size.py [--runs 5]

Synthetic sessions of 1,000 and 10,000 tests, each with a budget, three comparisons and a distribution.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from html_browser import Browser, browser
from html_session import many

from pytest_perfbudget.report.formats.html import render

SEARCH = """(() => {
  const search = document.getElementById("search");
  search.value = "area_7";
  search.dispatchEvent(new Event("input"));
})()"""
ANSWERED = "document.getElementById('state').innerText.includes(' of ')"


def times_ms(shown: Browser, page: Path) -> tuple[float, float]:
    """Return the time from the request of a page to its first list, and from a search to the list that answers it."""
    shown.open(page)
    shown.wait("performance.getEntriesByName('usable').length")
    usable = shown.run("performance.getEntriesByName('usable')[0].startTime")
    began = time.perf_counter()
    shown.run(SEARCH)
    shown.wait(ANSWERED)
    return usable, 1000 * (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, browser() as shown:
        for number in (1_000, 10_000):
            result = many(number)
            began = time.perf_counter()
            text = render(result)
            made_s = time.perf_counter() - began
            page = Path(folder, f"{number}.html")
            page.write_text(text, "utf-8")
            found = [times_ms(shown, page) for _ in range(runs)]
            usable, answered = (statistics.median(one) for one in zip(*found, strict=True))
            print(
                f"{number:6,} tests: {page.stat().st_size / 1e6:.2f} MB, written in {made_s:.2f} s; "
                f"usable after {usable:.0f} ms, searched in {answered:.0f} ms (medians of {runs})"
            )


if __name__ == "__main__":
    main()
