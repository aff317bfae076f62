"""The application of an agent."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pytest_perfbudget import track
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agent_hive.agent.skills import SKILLS, Skill
from agent_hive.discovery.health import HEALTH_PATH
from agent_hive.discovery.registry import DEFAULT_TTL_S, Registry
from agent_hive.errors import NotFoundError, StorageError
from agent_hive.storage.database import Database
from agent_hive.tracing import Trace

_HEARTBEATS_PER_TTL = 3
_PUBLIC = {"Cache-Control": "public, max-age=60"}

_Handler = Callable[[Request], Awaitable[JSONResponse]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AgentSettings:
    """The name of an agent, its skills and its share of the calls, and the database with the registry."""

    agent_id: str
    database: Path
    capabilities: frozenset[str] = field(default_factory=lambda: frozenset(SKILLS))
    weight: int = 1
    ttl_s: float = DEFAULT_TTL_S


def create_app(settings: AgentSettings, url: str) -> Starlette:
    """Make the application of an agent that is reached at a URL.

    Raises:
        ValueError: a capability has no skill.
    """
    unknown = sorted(settings.capabilities - SKILLS.keys())
    if unknown:
        raise ValueError(f"there is no skill for {', '.join(unknown)}; there are {', '.join(sorted(SKILLS))}")

    @asynccontextmanager
    async def announced(_: Starlette) -> AsyncIterator[None]:
        with closing(Database(settings.database)) as database:
            registry = Registry(database, ttl_s=settings.ttl_s)
            await asyncio.to_thread(_announce, registry, settings, url)
            heart = asyncio.create_task(_beat(registry, settings, url))
            yield
            heart.cancel()
            with suppress(asyncio.CancelledError):
                await heart
            await asyncio.to_thread(registry.withdraw, settings.agent_id, url)

    return Starlette(
        routes=[
            Route(HEALTH_PATH, _health),
            *_routes((capability, SKILLS[capability]) for capability in sorted(settings.capabilities)),
        ],
        middleware=[Middleware(Trace, "agent")],
        lifespan=announced,
    )


def _announce(registry: Registry, settings: AgentSettings, url: str) -> None:
    registry.announce(settings.agent_id, url, settings.capabilities, weight=settings.weight)


async def _beat(registry: Registry, settings: AgentSettings, url: str) -> None:
    """Send heartbeats; announce the agent again if its endpoint has expired, as after a sleep of the machine."""
    while True:
        await asyncio.sleep(settings.ttl_s / _HEARTBEATS_PER_TTL)
        try:
            await asyncio.to_thread(registry.heartbeat, settings.agent_id, url)
        except NotFoundError:
            await asyncio.to_thread(_announce, registry, settings, url)
        except StorageError as error:
            _log.warning("no heartbeat: %s", error)


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "well"})


def _routes(skills: Iterable[tuple[str, Skill]]) -> list[Route]:
    return [
        route
        for capability, skill in skills
        for route in (
            Route(f"/skills/{capability}", _description(capability, skill), methods=["GET"]),
            Route(f"/skills/{capability}", _execution(skill), methods=["POST"]),
        )
    ]


def _description(capability: str, skill: Skill) -> _Handler:
    async def describe(_: Request) -> JSONResponse:
        return JSONResponse({"capability": capability, "description": skill.__doc__}, headers=_PUBLIC)

    return describe


def _execution(skill: Skill) -> _Handler:
    async def execute(request: Request) -> JSONResponse:
        try:
            text = (await request.json())["text"]
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
            text = None
        if not isinstance(text, str):
            return JSONResponse({"error": 'expected {"text": "..."}'}, status_code=400)
        with track("agent.skill", attributes={"skill": skill.__name__}):
            return JSONResponse(skill(text))

    return execute
