"""Budgets on spans in a session: from markers, calls, loads and the table, in every way to run tests."""

from __future__ import annotations

import errno
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from scripting import TWO_WORKERS, Project

SHOP = """
from itertools import count
from pytest_perfbudget import track
from pytest_perfbudget.tracing import Span, current, emit, is_tracking
from pytest_perfbudget.tracing.span import EPOCH_NS
import scripted
from scripted import advance

_ids = count(1)

def query(ms, statement="SELECT 1", name="db.query"):
    start = scripted.now_ns
    advance(ms)
    if is_tracking():
        inside = current()
        emit(Span(name, inside.trace_id, next(_ids), inside.span_id, EPOCH_NS + start, scripted.now_ns - start,
                  0, {"statement": statement}))

def orders(number, ms=0.1):
    advance(1)
    for item in range(number):
        query(ms, f"SELECT * FROM item WHERE id = {item}")
"""

TESTS = """
import shop

@pytest.mark.perf_budget(p95_ms=50, spans={"db.query": {"max_count": 3, "p95_ms": 5, "max_share": 0.5}})
def test_good():
    shop.orders(2)

@pytest.mark.perf_budget(spans={"db.query": {"max_count": 3}})
def test_many():
    shop.orders(8)

def test_call(perf):
    perf(shop.orders, 1, 7, spans={"db.query": {"p95_ms": 5}})

@pytest.mark.perf_budget("orders", spans={"db.query": {"max_share": 0.5}})
def test_share(perf):
    perf(shop.orders, 3, 4)
"""


@pytest.fixture
def shop(each_way: Project) -> Project:
    each_way.file("shop.py", SHOP)
    return each_way


@pytest.fixture
def plain(lean: Project) -> Project:
    lean.file("shop.py", SHOP)
    return lean


def span_verdicts(project: Project) -> dict[str, str]:
    return {
        f"{one['id'].partition('::')[2]} {budget['span']} {budget['metric']}": budget["verdict"]
        for one in project.report["measurements"]
        for budget in one["budgets"]
        if budget["span"]
    }


def test_budgets_on_spans_fail_their_tests(shop: Project) -> None:
    result = shop.run(TESTS)
    result.assert_outcomes(passed=1, failed=3)
    assert span_verdicts(shop) == {
        "test_good db.query count": "within",
        "test_good db.query p95": "within",
        "test_good db.query share": "within",
        "test_many db.query count": "exceeded",
        "test_call orders db.query p95": "exceeded",
        "test_share orders db.query share": "exceeded",
    }
    for lines in (
        [
            "8 spans of db.query in one execution, over the budget of 3 (2.67x)",
            "  as observed; [0-9]* executions",
            '  limit max_count=3 from perf_budget marker in test_it.py:* spans "db.query"',
            "  8 x SELECT [*] FROM item WHERE id = [?]",
            "    at shop.py:16, called from shop.py:22",
            "  Where the time goes, by span, in the mean of * executions of 1.80 ms:",
            "    own   all",
            "     44%   44%  db.query, 8 times, waiting for an unknown cause 100%",
            "     56%        outside all spans",
            "Make one query of the repeated ones, or raise the limit at the place that the failure names if that is intended.",
        ],
        [
            "orders: db.query p95 7 ms exceeds its budget of 5 ms (140%)",
            "  db.query p95 lies above 7 ms (99 % sure); * spans of * executions",
            '  limit p95_ms=5 from perf() in test_it.py:15 spans "db.query"',
        ],
        ["orders: db.query takes 92.3 % of the time of an execution, over its budget of 50 % (185%)"],
    ):
        result.stdout.fnmatch_lines(lines)


def test_the_table_has_the_metric_with_the_name_of_the_span(plain: Project) -> None:
    plain.run(TESTS).stdout.fnmatch_lines(["exceeded *test_many *db.query count *8 *3 *"])


def test_a_system_without_a_port_for_the_receiver_is_one_line(plain: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(ThreadingHTTPServer, "server_bind", refuse)
    result = plain.run(TESTS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: spans of child processes need a port on 127.0.0.1, and the system gives none: Address already in use; *"
        ]
    )


def test_without_budgets_on_spans_nothing_is_tracked(plain: Project) -> None:
    plain.run("""
import shop
seen = set()

@pytest.mark.perf_budget(p95_ms=50)
def test_body():
    seen.add(shop.is_tracking())
    shop.orders(1)

@pytest.mark.perf_budget(p95_ms=50, spans={"db.query": {"max_count": 3}})
def test_tracked():
    tracked.add(shop.is_tracking())
    shop.orders(1)
tracked = set()

def test_order():
    assert seen == {False}
    assert tracked == {False, True}  # the first execution is not timed
    assert not shop.is_tracking()
""").assert_outcomes(passed=3)
    assert [one.get("spans") is None for one in plain.report["measurements"]] == [True, False]


def test_counts_of_function_calls_do_not_see_the_tracking(plain: Project) -> None:
    program = """
import shop
def work():
    with shop.track("part"):
        len("")
@pytest.mark.perf_budget({arguments})
def test_it():
    work()
"""
    calls = []
    for arguments in ("max_calls=100", 'max_calls=100, spans={"part": {"max_count": 1}}'):
        plain.run(program.replace("{arguments}", arguments)).assert_outcomes(passed=1)
        calls.append(plain.report["measurements"][0]["statistics"]["calls"])
    assert calls[0] == calls[1]


NONE_ALLOWED = """
import shop
from pytest_perfbudget import track

@track("render")
def render():
    shop.advance(1)

def test_cached(perf):
    perf(render, spans={"db.query": {"max_count": 0}})

def test_plain(perf):
    perf(shop.orders, 1, spans={"db.query": {"max_count": 0}, "render": {"max_count": 0}})

def test_cached_again(perf):
    perf(render, spans={"db.query": {"max_count": 0}, "db.qeury": {"max_count": 0}})
"""


def test_no_span_is_allowed_and_the_name_is_known_or_doubtful(plain: Project) -> None:
    """A name is known by `track`, and by a test before; a misspelt name would pass for ever."""
    result = plain.run(NONE_ALLOWED)
    result.assert_outcomes(passed=2, failed=1)
    assert span_verdicts(plain) == {
        "test_cached render db.query count": "unmeasured",
        "test_plain orders db.query count": "exceeded",
        "test_plain orders render count": "within",
        "test_cached_again render db.query count": "within",
        "test_cached_again render db.qeury count": "unmeasured",
    }
    result.stdout.fnmatch_lines(["orders: 1 span of db.query in one execution, and no such span is allowed"])


MISSING = """
import shop
@pytest.mark.perf_budget(spans={"db.qeury": {"max_count": 3}})
def test_it():
    shop.orders(1)
"""


def test_a_name_that_nothing_recorded_warns_and_fails_when_strict(shop: Project) -> None:
    result = shop.run(MISSING)
    result.assert_outcomes(passed=1)
    told = "db.qeury count: no span has the name 'db.qeury' (did you mean 'db.query'?); recorded: db.query"
    result.stdout.fnmatch_lines([f"unmeasured: test_it.py::test_it: {told}"])
    result = shop.run(MISSING, "--perf-strict")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"unmeasured: {told}"])


def test_a_limit_of_the_table_holds_for_every_perf_test(plain: Project) -> None:
    pyproject = '[tool.perfbudget.spans."db.query"]\nmax_count = 3\n'
    tests = """
import shop
@pytest.mark.perf_budget
def test_many():
    shop.orders(8)
@pytest.mark.perf_budget
def test_none():
    advance(1)
@pytest.mark.perf_budget(spans={"db.query": {"max_count": 10}})
def test_own():
    shop.orders(8)
"""
    result = plain.run(tests, pyproject=pyproject)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(['  limit max_count=3 from pyproject.toml [[]tool.perfbudget.spans."db.query"[]]'])
    assert span_verdicts(plain) == {"test_many db.query count": "exceeded", "test_own db.query count": "within"}


UNRECORDED = """
import shop
@pytest.mark.perf_budget
def test_it():
    shop.orders(1)
"""


def test_a_name_of_the_table_that_no_test_recorded_warns_and_fails_when_strict(shop: Project) -> None:
    pyproject = '[tool.perfbudget.spans."db.qeury"]\nmax_count = 3\n'
    result = shop.run(UNRECORDED, pyproject=pyproject)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    place = 'pyproject.toml [[]tool.perfbudget.spans."db.qeury"[]]'
    line = f"not recorded: {place}: no test recorded a span of the name 'db.qeury' (did you mean 'db.query'[?])"
    result.stdout.fnmatch_lines([line])
    result = shop.run(UNRECORDED, "--perf-strict")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([line])
    result = shop.run(UNRECORDED, "-k", "test_it")
    result.stdout.no_fnmatch_line("not recorded*")


NOWHERE = """
import shop
from pytest_perfbudget import track

@track("mail.send")
def send():
    pass

@pytest.mark.perf_budget
def test_it():
    shop.orders(1)
"""


def test_that_no_test_has_a_span_is_the_aim_of_a_limit_of_zero_in_the_table(plain: Project) -> None:
    pyproject = """
[tool.perfbudget.spans."mail.send"]
max_count = 0
[tool.perfbudget.spans."mail.snd"]
max_count = 0
"""
    result = plain.run(NOWHERE, "--perf-strict", pyproject=pyproject)
    found = [one["span"] for one in plain.report["findings"] if one["kind"] == "not_recorded"]
    assert (found, result.ret) == (["mail.snd"], pytest.ExitCode.TESTS_FAILED)


@pytest.mark.slow
def test_workers_of_xdist_tell_the_controller_which_names_exist(plain: Project) -> None:
    """The controller imports no code of the project."""
    pyproject = """
[tool.perfbudget.spans."mail.send"]
max_count = 0
[tool.perfbudget.spans."mail.snd"]
max_count = 0
"""
    plain.run(NOWHERE, *TWO_WORKERS, pyproject=pyproject)
    found = [one["span"] for one in plain.report["findings"] if one["kind"] == "not_recorded"]
    assert found == ["mail.snd"]


IN_THE_SOURCE = """
import shop
from pytest_perfbudget import track

def send():
    with track("mail.send", statement="RCPT"):  # not track("mail.snd")
        shop.advance(1)

class Analytics:
    def track(self, event): pass

def counts(analytics):
    analytics.track("mail.sent")

NONE = {"max_count": 0}

@pytest.mark.perf_budget(spans={"mail.send": NONE, "mail.snd": NONE, "mail.sent": NONE})
def test_sends_nothing():
    with track("render"):
        shop.advance(1)
"""


def test_a_name_in_the_source_is_known_before_its_code_runs(plain: Project) -> None:
    """Other tests may record such spans later, or in another worker."""
    plain.run(IN_THE_SOURCE)
    assert span_verdicts(plain) == {
        "test_sends_nothing mail.send count": "within",
        "test_sends_nothing mail.snd count": "unmeasured",
        "test_sends_nothing mail.sent count": "unmeasured",
    }


@pytest.mark.parametrize(
    ("imported", "called"),
    [
        ("import tracking", "tracking.track"),
        ("from tracking import *", "track"),
        ("import pytest_perfbudget.tracing", "pytest_perfbudget.tracing.track"),
        ("import tracking\nmark = tracking.track", "mark"),
    ],
)
def test_so_is_one_that_a_module_of_the_project_hands_on(plain: Project, imported: str, called: str) -> None:
    plain.file("tracking.py", "from pytest_perfbudget import track\n")
    source = IN_THE_SOURCE.replace("import shop\n", f"import shop\n{imported}\n", 1).replace(
        "with track", f"with {called}"
    )
    plain.run(source.replace("from pytest_perfbudget import track\n", ""))
    assert span_verdicts(plain) == {
        "test_sends_nothing mail.send count": "within",
        "test_sends_nothing mail.snd count": "unmeasured",
        "test_sends_nothing mail.sent count": "unmeasured",
    }


def test_a_mistake_in_a_marker_stops_the_session(plain: Project) -> None:
    result = plain.run('@pytest.mark.perf_budget(spans={"db": {"max_cuont": 1}})\ndef test_it(): pass')
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_it.py:3 spans \"db\": unknown keyword 'max_cuont' of a span (did you*"])


def test_each_block_of_a_timer_is_an_execution(shop: Project) -> None:
    """Of `failing` each second block raises, and is no round; `inner` lies within `outer`."""
    result = shop.run("""
from contextlib import suppress
import shop
LIMIT = {"db.query": {"max_count": 3, "max_share": 0.5}}

def test_good(perf):
    for _ in range(60):
        with perf.timer("outer", spans=LIMIT):
            with perf.timer("inner", spans=LIMIT):
                shop.orders(1)
            shop.orders(2)

def test_many(perf):
    for _ in range(60):
        with perf.timer("many", spans=LIMIT):
            shop.orders(8)

def test_failing(perf):
    for number in range(10):
        with suppress(KeyError), perf.timer("failing", spans=LIMIT):
            shop.orders(8 if number % 2 else 2)
            if number % 2:
                raise KeyError
""")
    result.assert_outcomes(passed=2, failed=1)
    assert span_verdicts(shop) == {
        "test_good outer db.query count": "within",
        "test_good outer db.query share": "within",
        "test_good inner db.query count": "within",
        "test_good inner db.query share": "within",
        "test_many many db.query count": "exceeded",
        "test_many many db.query share": "within",
        "test_failing failing db.query count": "within",
        "test_failing failing db.query share": "within",
    }
    spans = {one["name"]: one["spans"] for one in shop.report["measurements"]}
    assert {name: (one["executions"], one["mean_ns"], one["lost"]) for name, one in spans.items()} == {
        "outer": (60, 2_300_000, 0),
        "inner": (60, 1_100_000, 0),
        "many": (60, 1_800_000, 0),
        "failing": (5, 1_200_000, 0),
    }
    for one in spans.values():
        assert sum(share["of_mean"] for share in one["shares"]) == pytest.approx(1, abs=0.05)
    result.stdout.fnmatch_lines(
        [
            "many: 8 spans of db.query in one block, over the budget of 3 (2.67x)",
            "  Where the time goes, by span, in the mean of 60 blocks of 1.80 ms:",
        ]
    )


def test_a_timer_whose_spans_nobody_asks_for_records_none(plain: Project) -> None:
    plain.run("""
import shop
def test_it(perf):
    with perf.timer("part"):
        assert not shop.is_tracking()
""").assert_outcomes(passed=1)
    assert plain.report["measurements"][0].get("spans") is None


def test_a_timer_that_ends_in_another_task_hurts_nobody(project: Project) -> None:
    project.file("shop.py", SHOP)
    project.run(
        """
import shop
@pytest.fixture
async def timed(perf):
    with perf.timer("part", spans={"db.query": {"max_count": 3}}):
        yield
async def test_it(timed, perf):
    shop.orders(1)
    perf.timer("left", spans={"db.query": {"max_count": 3}}).__enter__()
def test_after():
    assert not shop.is_tracking()
""",
        "-o",
        "asyncio_mode=auto",
    ).assert_outcomes(passed=2)


COSTLY = """
import asyncio
import shop

def work():
    advance(2)
    if shop.is_tracking():
        advance(1)  # a span costs time
    shop.orders(2)

async def awaited():
    work()

@pytest.mark.perf_budget(p95_ms=3.5, p50_ms=3.4, max_ms=3.5, cpu_mean_ms=3.5{spans})
def test_body():
    work()

def test_call(perf):
    perf(work, p95_ms=3.5{spans})

def test_coroutine(perf):
    asyncio.run(perf.aio(awaited, p95_ms=3.5{spans}))
"""


def test_recording_spans_changes_no_judged_time(plain: Project) -> None:
    """With its spans recorded, each call takes 4.2 ms instead of 3.2 ms."""
    limit = ', spans={"db.query": {"max_count": 2, "p95_ms": 0.5}}'

    def judged(spans: str, *options: str) -> tuple[list[dict[str, Any]], list[Any]]:
        plain.run(COSTLY.replace("{spans}", spans), *options).assert_outcomes(passed=3)
        found = [dict(one) for one in plain.report["measurements"]]
        recorded = [one.pop("spans", None) for one in found]
        for one in found:
            assert all(budget["verdict"] == "within" for budget in one["budgets"])
            one["budgets"] = [budget for budget in one["budgets"] if not budget["span"]]
        return found, recorded

    without, _ = judged("")
    for found, recorded in (judged("", "--perf-spans"), judged(limit)):
        assert found == without
        assert [one["mean_ns"] for one in recorded] == [pytest.approx(4.2e6)] * 3


BENCHMARKS = """
import shop
LIMIT = {"db.query": {"max_count": 3}}

@pytest.mark.perf_budget(spans=LIMIT)
def test_good(benchmark):
    benchmark(shop.orders, 2)

@pytest.mark.perf_budget(spans=LIMIT)
def test_many(benchmark):
    benchmark.pedantic(shop.orders, args=(8,), rounds=5)

@pytest.mark.perf_budget(spans=LIMIT)
def test_once(benchmark):
    benchmark.pedantic(shop.orders, args=(8,), rounds=1)
"""


def test_a_benchmark_has_its_spans_recorded_after_its_rounds(plain: Project) -> None:
    result = plain.run(BENCHMARKS, "--perf-spans", "-p", "pytest_benchmark.plugin")
    result.assert_outcomes(passed=2, failed=1)
    assert span_verdicts(plain) == {
        "test_good db.query count": "within",
        "test_many db.query count": "exceeded",
        "test_once db.query count": "unmeasured",
    }
    spans = {one["nodeid"].partition("::")[2]: one.get("spans") for one in plain.report["measurements"]}
    assert spans["test_good"]["mean_ns"] == 1_200_000
    assert spans["test_once"] is None
    result.stdout.fnmatch_lines(
        [
            "8 spans of db.query in one execution, over the budget of 3 (2.67x)",
            "*= performance spans =*",
            "test_it.py::test_once",
            "  no spans: they need further calls, which pedantic(rounds=1) may not bear: give more rounds",
        ]
    )


def test_a_ratio_says_why_it_has_no_spans_and_takes_no_limit_on_them(plain: Project) -> None:
    result = plain.run(
        """
def test_ratio(perf):
    perf.ratio(lambda: advance(1), lambda: advance(1), max_ratio=2)
def test_limit(perf):
    perf.ratio(lambda: advance(1), lambda: advance(1), max_ratio=2, spans={"db.query": {"max_count": 3}})
def test_untracked(perf):
    perf(advance, 1)
""",
        "--perf-spans",
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*takes max_ratio only, found spans: budget it with perf()",
            "*= performance spans =*",
            "test_it.py::test_ratio lambda",
            "  no spans: perf.ratio compares two functions, so there is no whole to divide: use perf(...) for it",
            "1 measurement without any span: mark the code with `track`, or let it be instrumented by OpenTelemetry",
        ]
    )


def test_the_option_shows_the_spans_of_every_perf_test(plain: Project) -> None:
    tests = "import shop\ndef test_it(perf):\n    perf(shop.orders, 2)\n"
    result = plain.run(tests, "--perf-spans")
    result.stdout.fnmatch_lines(
        [
            "*= performance spans =*",
            "test_it.py::test_it orders",
            "  Where the time goes, by span, in the mean of * executions of 1.20 ms:",
            "     17%   17%  db.query, 2 times, waiting for an unknown cause 100%",
        ]
    )
    result = plain.run(tests)
    result.stdout.no_fnmatch_line("*performance spans*")


def test_requests_of_a_load_have_their_own_spans(shop: Project) -> None:
    """Two users at once: each request makes one query, or, of the second load, four."""
    result = shop.run("""
from pytest_perfbudget import track

def request(number=1):
    for item in range(number):
        with track("db.query", statement=f"SELECT * FROM item WHERE id = {item}"):
            pass

def test_good(perf_load):
    perf_load(request, users=2, requests=30, spans={"db.query": {"max_count": 1}})

def test_many(perf_load):
    perf_load(lambda: request(4), name="many", users=2, requests=30, spans={"db.query": {"max_count": 3}})

""")
    result.assert_outcomes(passed=1, failed=1)
    assert span_verdicts(shop) == {
        "test_good request db.query count": "within",
        "test_many many db.query count": "exceeded",
    }
    result.stdout.fnmatch_lines(["many: 4 spans of db.query in one request, over the budget of 3 (133%)"])


def test_a_load_of_coroutines_has_spans_by_request(project: Project) -> None:
    project.run(
        """
import asyncio
from pytest_perfbudget import track

async def request():
    for _ in range(2):
        with track("db.query"):
            await asyncio.sleep(0)

async def test_it(perf_load):
    await perf_load(request, users=3, requests=20, spans={"db.query": {"max_count": 2}})
""",
        "-o",
        "asyncio_mode=auto",
    ).assert_outcomes(passed=1)
    (spans,) = [one["spans"] for one in project.report["measurements"]]
    assert spans["executions"] == 60
    assert spans["lost"] == 0


def test_requests_whose_spans_have_no_trace_say_so_in_the_section(plain: Project) -> None:
    """The server takes no trace from anywhere, so its spans begin trees of their own."""
    result = plain.run(
        """
from pytest_perfbudget import track
from pytest_perfbudget.tracing import continued

def serve():
    with continued(None), track("server"):
        pass

def test_it(perf_load):
    perf_load(serve, name="page", users=2, requests=20)
""",
        "--perf-spans",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "test_it.py::test_it page",
            "  no spans: 40 spans without the trace of a request: send headers(), and adopt them with continued()",
        ]
    )
    result.stdout.no_fnmatch_line("*without any span*")


def test_requests_to_an_application_in_the_same_process_need_no_header(plain: Project) -> None:
    plain.run(
        """
from pytest_perfbudget import track
from pytest_perfbudget.tracing import continued

def serve(headers):
    with continued(headers), track("server"):
        pass

def test_it(perf_load):
    perf_load(lambda: serve({}), name="page", users=2, requests=20, spans={"server": {"max_count": 1}})
""",
    ).assert_outcomes(passed=1)
    (spans,) = [one["spans"] for one in plain.report["measurements"]]
    assert [(node["path"], node["count"]) for node in spans["nodes"]] == [(["server"], 40)]
