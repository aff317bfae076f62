"""OpenTelemetry's instrumentations of SQLAlchemy, Django and SQLite, unmodified, on real SQLite files: repeated queries
are named with their lines, in the test's process and in a server."""

from __future__ import annotations

import pytest
from scripting import Project

SHOP = """
from pathlib import Path

import django
from django.conf import settings
from django.db import connection, models
from django.http import JsonResponse
from django.urls import path
from opentelemetry import trace
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

HERE = Path(__file__).parent
trace.set_tracer_provider(TracerProvider())
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "django.sqlite3"}},
    ROOT_URLCONF="shop",
)
django.setup()
DjangoInstrumentor().instrument()
engine = create_engine(f"sqlite:///{HERE / 'alchemy.sqlite3'}")
SQLAlchemyInstrumentor().instrument(engine=engine)


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship()


class Item(models.Model):
    name = models.TextField()

    class Meta:
        app_label = "shop"


def authors(request):
    with Session(engine) as session:
        return JsonResponse([book.author.name for book in session.scalars(select(Book))], safe=False)


def items(request):
    found = []
    for number in range(1, 6):
        item = Item.objects.get(id=number)
        found.append(item.name)
    return JsonResponse(found, safe=False)


urlpatterns = [path("authors/", authors), path("items/", items)]

Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all(Book(author=Author(name=f"author {number}")) for number in range(5))
    session.commit()
with connection.schema_editor() as editor:
    editor.create_model(Item)
Item.objects.bulk_create(Item(name=f"item {number}") for number in range(5))
connection.close()
SQLite3Instrumentor().instrument()  # after the connections of SQLAlchemy, whose own instrumentation sees them
"""

SERVER = """
from wsgiref.simple_server import WSGIRequestHandler, make_server

import shop
from django.core.wsgi import get_wsgi_application
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
print(server.server_address[1], flush=True)
server.serve_forever()
"""

TESTS = """
import json

@pytest.mark.perf_budget(max_time="100ms", spans={"SELECT *": {"max_count": 2}, "GET authors/": {"max_count": 1}})
def test_sqlalchemy(get):
    assert len(get("authors/")) == 5

@pytest.mark.perf_budget(max_time="100ms", spans={"SELECT": {"max_count": 1}, "GET items/": {"max_count": 1}})
def test_django(get):
    assert len(get("items/")) == 5

@pytest.mark.perf_budget(max_time="100ms", spans={"SELECT": {"max_count": 5}})
def test_enough(get):
    get("items/")
"""

IN_PROCESS = """
@pytest.fixture(scope="session")
def get():
    import shop
    from django.test import Client
    return lambda path: Client().get("/" + path).json()
"""

SERVED = """
import subprocess, sys, urllib.request
from pytest_perfbudget.tracing import headers

@pytest.fixture(scope="session")
def get():
    with subprocess.Popen([sys.executable, "server.py"], stdout=subprocess.PIPE, text=True) as server:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/"
        def call(path):
            return json.load(urllib.request.urlopen(urllib.request.Request(url + path, headers=headers()), timeout=10))
        yield call
        server.kill()
"""


@pytest.mark.parametrize("where", [IN_PROCESS, SERVED], ids=["in process", "served"])
def test_repeated_queries_are_named_with_their_lines(lean: Project, where: str) -> None:
    for name in ("django", "sqlalchemy", "sqlite3"):
        pytest.importorskip(f"opentelemetry.instrumentation.{name}")
    lean.file("conftest.py", "")
    lean.file("shop.py", SHOP)
    lean.file("server.py", SERVER)
    result = lean.run(TESTS + where, subprocess=True)
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "6 spans of SELECT [*] in one execution, over the budget of 2 (3x)",
            "  5 x SELECT author.id AS author_id, author.name AS author_name FROM author WHERE author.id = [?]",
            f"    at shop.py:{line_of('book.author.name')}",
            "5 spans of SELECT in one execution, over the budget of 1 (5x)",
            '  5 x SELECT "shop_item"."id", "shop_item"."name" FROM "shop_item" WHERE "shop_item"."id" = %s LIMIT [?]',
            f"    at shop.py:{line_of('Item.objects.get')}",
        ]
    )


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(SHOP.splitlines(), 1) if text in line)
