"""What the checks ask: opened when the first of them needs it, so that one answer missing spoils no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from core.desk import Access, Desk
from core.errors import TraderError
from core.gates import AccountFacts, GateFacts, StagePlan, answer, answer_evidence
from core.operations.gate_facts import account_facts
from core.ports import Venue
from core.stages import Gate

if TYPE_CHECKING:
    from core.strategies import Strategy

T = TypeVar("T")


@dataclass(slots=True)
class _Once(Generic[T]):
    """Something that is made when it is first asked for; a failure is remembered as well."""

    make: Callable[[], Awaitable[T]]
    made: list[T] = field(default_factory=list)
    failure: TraderError | None = None

    async def get(self) -> T:
        if self.failure is not None:
            raise self.failure
        if not self.made:
            try:
                self.made.append(await self.make())
            except TraderError as failure:
                self.failure = failure
                raise
        return self.made[0]


class Inquiry:
    """Access to venue, account and books for one run of checks, as deep as each of them needs.

    Every method raises what opening its part raises, each time the same error object.
    """

    def __init__(self, access: Access, plan: StagePlan, strategy: Strategy, stack: AsyncExitStack) -> None:
        self.access = access
        self.plan = plan
        self.strategy = strategy
        self._stack = stack
        self._venue = _Once(self._open_venue)
        self._desk = _Once(self._open_desk)
        self._account = _Once(self._ask_account)

    async def venue(self) -> Venue:
        """Return the venue, after it answered."""
        return await self._venue.get()

    async def desk(self) -> Desk:
        return await self._desk.get()

    async def gate(self, name: str) -> Gate:
        """Answer a gate of the plan's stage that looks at the account."""
        return answer(name, await self._facts())

    async def evidence(self, number: int) -> Gate:
        """Say whether a stage was passed well enough for the next one."""
        return answer_evidence(number, await self._facts())

    async def _facts(self) -> GateFacts:
        desk = await self.desk()
        return GateFacts(self.plan, self.access.settings, desk.venue.host, await self._account.get())

    async def _open_venue(self) -> Venue:
        opening = self.access.venue(self.plan.stage.environment)
        venue = await self._stack.enter_async_context(opening)
        await venue.market_data.ping()
        return venue

    async def _open_desk(self) -> Desk:
        opening = self.access.desk(
            await self.venue(), symbol=self.plan.symbol, strategy=self.strategy, dry_run=False
        )
        return await self._stack.enter_async_context(opening)

    async def _ask_account(self) -> AccountFacts:
        return await account_facts(await self.desk(), self.plan)
