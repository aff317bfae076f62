"""The regressions and the clean changes that `culprits.py` plants into the log analyser `loglens`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Planted:
    """A change of one file of `loglens`.

    Attributes:
        file: the file without its suffix.
        edits: texts of the file, each with its replacement.
        test: the test that shows the change.
        culprits: the functions of the module whose code has changed for the worse; any of them is right. Empty for a
            clean change.
    """

    file: str
    edits: Sequence[tuple[str, str]]
    test: str
    culprits: Sequence[str] = ()


def _after_imports(code: str) -> tuple[str, str]:
    return "from __future__ import annotations\n", f"from __future__ import annotations\n{code}\n"


_ROWS = '        rows = self._database.execute("SELECT path FROM entry WHERE host = ?", (host,)).fetchall()\n'
_EACH = '[self._database.execute("SELECT path FROM entry WHERE id = ?", (one,)).fetchone() for (one,) in rows]'

REGRESSIONS = {
    "a query per row": Planted(
        "storage", [(_ROWS, f"{_ROWS.replace('SELECT path', 'SELECT id')}        rows = {_EACH}\n")],
        "reads_the_store", ["Store.paths_of"],
    ),
    "a query per host": Planted(
        "storage",
        [("        marks = ", "        for one in hosts:\n            self.paths_of(one)\n        marks = ")],
        "sums_traffic", ["Store.traffic"],
    ),
    "a lost cache": Planted("rules", [("@cache\n", "")], "raises_alarms", ["alarm", "severities"]),
    "string building": Planted(
        "report", [('    return "\\n".join([row(one) for one in entries])\n',
                    '    text = ""\n    for one in entries:\n        text = row(one) + "\\n" + text + "\\n"\n        '
                    'text = text.strip()\n    return text\n')],
        "writes_a_page", ["table"],
    ),
    "extra serialisation": Planted(
        "report", [("    return json.dumps({", "    return json.dumps(json.loads(json.dumps([vars(one) for one in entries])) and {")],
        "writes_a_page", ["document"],
    ),
    "a sort": Planted(
        "summary", [("    return list(dict.fromkeys(one.host for one in entries))",
                     "    return sorted(dict.fromkeys(sorted(one.host for one in entries)))")],
        "sums_up", ["hosts"],
    ),
    "a regular expression per call": Planted(
        "entries", [("    found = PATTERN.match(line)\n", "    found = re.match(PATTERN.pattern + '|' * 0, line)\n")],
        "parses", ["parse_line"],
    ),
    "no early exit": Planted(
        "rules", [("any(matches(host, pattern) for pattern in BLOCKED)", "any([matches(host, pattern) for pattern in BLOCKED])")],
        "blocks_hosts", ["is_blocked"],
    ),
    "a slower helper": Planted(
        "summary", [("    return one.duration_us / 1e6\n", "    return float(Decimal(one.duration_us) / Decimal(10**6))\n"),
                    _after_imports("from decimal import Decimal")],
        "sums_up", ["seconds"],
    ),
    "a quadratic loop": Planted(
        "summary", [("    return list(dict.fromkeys(one.host for one in entries))\n",
                     "    found: list[str] = []\n    for one in entries:\n        if one.host not in found:\n"
                     "            found.append(one.host)\n    return found\n")],
        "sums_up", ["hosts"],
    ),
    "reading twice": Planted(
        "storage", [("    return file.read_text", "    assert file.read_text('utf-8')\n    return file.read_text")],
        "loads", ["load"],
    ),
    "a deep copy": Planted(
        "summary", [("    return list(entries)\n", "    return copy.deepcopy(list(entries[:40])) + list(entries[40:])\n"),
                    _after_imports("import copy")],
        "takes_a_snapshot", ["snapshot"],
    ),
    "a table rebuilt": Planted(
        "entries", [("    day, month, _ = text", '    MONTHS = {name: at + 1 for at, name in enumerate("Jan Feb Mar Apr '
                     'May Jun Jul Aug Sep Oct Nov Dec".split())}\n    day, month, _ = text')],
        "parses", ["parse_day"],
    ),
    "a chain of properties": Planted(
        "entries", [("        return self.size + self.duration_us\n",
                     "        return self.first + self.second\n\n    @property\n    def first(self) -> int:\n        return self.size"
                     "\n\n    @property\n    def second(self) -> int:\n        return self.duration_us\n")],
        "finds_the_heaviest", ["Entry.weight"],
    ),
    "a property in a loop": Planted(
        "summary", [("        if one.weight > best.weight:\n", "        if max(one.weight, best.weight) > best.weight:\n")],
        "finds_the_heaviest", ["heaviest"],
    ),
    "a wrapper": Planted(
        "entries", [("def parse_size(", "def checked(function: Any) -> Any:\n    @functools.wraps(function)\n"
                     "    def inner(*args: Any, **kwargs: Any) -> Any:\n        bound = dict(kwargs, text=args[0])\n"
                     "        return function(**bound)\n\n    return inner\n\n\n@checked\ndef parse_size("),
                    _after_imports("import functools\nfrom typing import Any")],
        "parses", ["checked.inner"],
    ),
    "a flush to the disk": Planted(
        "storage", [('        stream.write("\\n".join(lines))\n', '        stream.write("\\n".join(lines))\n'
                     "        stream.flush()\n        os.fsync(stream.fileno())\n"), _after_imports("import os")],
        "saves", ["save"],
    ),
    "a sleep": Planted(
        "storage", [("    return file.read_text", "    time.sleep(0.0005)\n    return file.read_text"), _after_imports("import time")],
        "loads", ["load"],
    ),
    "more rounds of a hash": Planted("rules", [('b"loglens", 300', 'b"loglens", 450')], "seals", ["seal"]),
    "exceptions": Planted(
        "entries", [('    if text == "-":\n        return 0\n    return int(text)\n',
                     "    try:\n        return int(text)\n    except ValueError:\n        return 0\n")],
        "parses", ["parse_size"],
    ),
    "eager logging": Planted(
        "rules", [('    LOG.debug("alarm for %s", one)\n', '    LOG.debug(f"alarm for {one}")\n')], "raises_alarms", ["alarm"],
    ),
    "a longer loop that calls nothing": Planted(
        "summary", [("        found[one.day] = found.get(one.day, 0) + 1\n",
                     "        for at in range(8):\n            found[one.day] = found.get(one.day, 0) + (at == 7)\n")],
        "sums_up", ["by_day"],
    ),
    "coroutines one after the other": Planted(
        "feeds", [("await asyncio.gather(*(fetched(lines) for lines in feeds))", "[await fetched(lines) for lines in feeds]")],
        "fetches_feeds", ["fetch_all"],
    ),
    "a coroutine that parses twice": Planted(
        "feeds", [("    return prepared(lines)\n", "    return prepared(lines) and prepared(lines)\n")],
        "fetches_feeds", ["fetched"],
    ),
    "a longer wait of a coroutine": Planted(
        "feeds", [("asyncio.sleep(DELAY_S)", "asyncio.sleep(4 * DELAY_S)")], "fetches_feeds", ["fetched"],
    ),
    "a lock held": Planted(
        "feeds", [("    time.sleep(DELAY_S)\n    found = counted(entries)\n    with LOCK:\n        return found\n",
                   "    with LOCK:\n        time.sleep(DELAY_S)\n        return counted(entries)\n")],
        "downloads_in_threads", ["download"],
    ),
    "a thread that counts again and again": Planted(
        "feeds", [("    found = counted(entries)\n", "    found = [counted(entries) for _ in range(40)][0]\n")],
        "downloads_in_threads", ["download"],
    ),
}  # fmt: skip
"""At least 24 causes of slowness, each in one function."""

CLEAN = {
    "a function renamed": Planted("entries", [("parse_size", "size_of")], "parses"),
    "a method renamed": Planted("summary", [("is_error", "has_failed")], "sums_up"),
    "a function split": Planted(
        "summary", [("    days = by_day(entries)\n    return {", "    return parts(entries, by_day(entries))\n\n\n"
                     "def parts(entries: Sequence[Entry], days: dict[tuple[int, int], int]) -> dict[str, object]:\n    return {")],
        "sums_up",
    ),
    "functions in another order": Planted(
        "rules", [("def alarm(one", "def unused() -> None:\n    return None\n\n\ndef alarm(one")], "raises_alarms",
    ),
    "statements in another order": Planted(
        "report", [('    return f"<pre>{table(entries)}</pre><script>{document(entries)}</script>"',
                    '    script = document(entries)\n    return f"<pre>{table(entries)}</pre><script>{script}</script>"')],
        "writes_a_page",
    ),
    "a function moved to another module": Planted(
        "report", [("def cell(value: object) -> str:\n    return str(value).rjust(8)\n", "from loglens.cells import cell\n")],
        "writes_a_page",
    ),
    "comments and docstrings": Planted(
        "entries", [("def parse_line(line: str) -> Entry:\n", 'def parse_line(line: str) -> Entry:\n    """Return it."""\n')], "parses",
    ),
    "local names": Planted("summary", [("best", "largest")], "finds_the_heaviest"),
    "a constant with a name": Planted(
        "rules", [('b"loglens", 300', "SALT, 300"), ("BLOCKED = [", 'SALT = b"loglens"\nBLOCKED = [')], "seals",
    ),
    "a coroutine written in place": Planted(
        "feeds", [("    return prepared(lines)\n", "    return parse(lines)\n")], "fetches_feeds",
    ),
}  # fmt: skip
"""Changes of form that cost no time."""


def _beside(clean: str, *regressions: str) -> dict[str, Planted]:
    """Return regressions in the same commit as a clean change of the same file."""
    other = CLEAN[clean]
    return {
        f"{name} beside {clean}": Planted(one.file, [*one.edits, *other.edits], one.test, one.culprits)
        for name, one in REGRESSIONS.items()
        if name in regressions
    }


BESIDE = {
    **_beside("a function renamed", "a regular expression per call", "a table rebuilt"),
    **_beside("a method renamed", "a sort", "a slower helper", "a quadratic loop", "a longer loop that calls nothing"),
    **_beside("a function moved to another module", "string building", "extra serialisation"),
}
"""Regressions beside the renaming of a function that the same test calls."""

CELLS = '"""The cells of a table."""\n\n\ndef cell(value: object) -> str:\n    return str(value).rjust(8)\n'
