"""The HTML report: one file with everything in it, which asks the network for nothing.

The verdict, the failures and the facts are plain HTML. The details of each measurement are compressed data, which the
page's own script reads and draws.
"""

from __future__ import annotations

from pytest_perfbudget.report.formats.html.page import render

__all__ = ["render"]
