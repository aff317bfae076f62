"""The application of the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

from pytest_perfbudget import Monitor
from pytest_perfbudget.monitor.asgi import ASGIMonitor
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agent_hive.balancing.balancer import Balancer
from agent_hive.discovery.health import HEALTH_PATH, HealthChecker
from agent_hive.discovery.lookup import Lookup
from agent_hive.gateway.monitoring import COMPONENT, gateway_monitor
from agent_hive.gateway.refusals import HANDLERS
from agent_hive.gateway.settings import GatewaySettings
from agent_hive.gateway.stages.authenticate import Authenticate
from agent_hive.gateway.stages.authorise import ACTIONS, Authorise
from agent_hive.gateway.stages.balance import Balance
from agent_hive.gateway.stages.call_agent import CallAgent
from agent_hive.gateway.stages.discover import Discover
from agent_hive.gateway.stages.limit_rate import Hit, LimitRate
from agent_hive.gateway.stages.response_cache import ResponseCache
from agent_hive.gateway.storage_drill import DrilledRegistry
from agent_hive.gateway.upkeep import upkeep
from agent_hive.gateway.upstream import Upstream
from agent_hive.security.limit_table import Decision
from agent_hive.security.rate_limit import RateLimiter
from agent_hive.security.revocation import RevocationList
from agent_hive.security.shared_rate_limit import SharedRateLimiter
from agent_hive.security.tokens import TokenVerifier
from agent_hive.storage.database import Database
from agent_hive.tracing import Trace


def create_app(settings: GatewaySettings, monitor: Monitor | None = None) -> Starlette:
    """Make the application of the gateway: `/agents/{capability}` is a call, `/health` says that it answers.

    Args:
        settings: the parts that an operator chooses.
        monitor: the monitor, which the application closes; None for a monitor with the budgets of this project.
    """
    closers = AsyncExitStack()
    monitor = closers.enter_context(monitor or gateway_monitor())
    database = closers.enter_context(closing(Database(settings.database)))
    registry = DrilledRegistry(database)
    lookup = Lookup(registry)
    upstream = Upstream()

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        async with closers, upstream, upkeep(registry, lookup, HealthChecker(registry, upstream.session)):
            yield

    stages = [
        Middleware(Trace, "gateway"),
        Middleware(Authenticate, _verifier(settings)),
        Middleware(Authorise, settings.policy),
        Middleware(LimitRate, _hit(settings, closers)),
        Middleware(ResponseCache),
        Middleware(Discover, lookup),
        Middleware(Balance, Balancer(settings.strategy)),
    ]
    call = Route("/agents/{capability}", CallAgent(upstream), methods=list(ACTIONS), middleware=stages)
    return Starlette(
        routes=[Route(HEALTH_PATH, _health), call],
        middleware=[Middleware(ASGIMonitor, monitor=monitor, component=COMPONENT)],
        exception_handlers=HANDLERS,
        lifespan=running,
    )


def _verifier(settings: GatewaySettings) -> TokenVerifier:
    return TokenVerifier(
        settings.keys, issuer=settings.issuer, audience=settings.audience, revocations=RevocationList()
    )


def _hit(settings: GatewaySettings, closers: AsyncExitStack) -> Hit:
    """Return the counter of calls: in Redis if its address is known, else in this process."""
    if settings.redis_url:
        shared = SharedRateLimiter(settings.redis_url, settings.limits, default=settings.default_limit)
        closers.push_async_callback(shared.close)
        return shared.hit
    limiter = RateLimiter(settings.limits, default=settings.default_limit)

    async def hit(agent_id: str, action: str) -> Decision:
        return limiter.hit(agent_id, action)

    return hit


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "well"})
