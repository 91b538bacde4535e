"""BoundedCalls runs blocking functions in the pool, limited in number and time. On the loop."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from flower_ng.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")

#: What Flower answers when a call cannot be carried out.
UNAVAILABLE = "Broker or result backend unavailable"


class BoundedCalls:
    """One part's share of the pool: at most `most` calls at once, none awaited beyond `timeout_s`.

    `slack_s` tells how much longer is waited at present, because what is called is far away.

    A thread that hangs (a dead name server, a broker that does not answer) keeps its place until
    it returns, so that parts with a share each never starve one another.
    """

    def __init__(
        self,
        pool: Executor,
        most: int,
        timeout_s: float,
        slack_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._pool = pool
        self._timeout_s = timeout_s
        self._slack_s = slack_s
        self._free = asyncio.Semaphore(most)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns, or raise what it raises.

        Unavailable when it has not returned in time, or found no free place in time.
        """
        timeout_s = self._timeout_s + self._slack_s()
        try:
            async with asyncio.timeout(timeout_s):
                await self._free.acquire()
                return await asyncio.wrap_future(self._start(function, *args, **kwargs))
        except TimeoutError:
            late = TimeoutError(f"nothing came back within {timeout_s:.2g} s")
            raise Unavailable(UNAVAILABLE) from late

    def send_off(self, function: Callable[[], object]) -> None:
        """Let the pool run a function that nobody waits for; nothing when the pool is gone."""
        with contextlib.suppress(RuntimeError):
            self._pool.submit(function)

    def _start(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        loop = asyncio.get_running_loop()
        try:
            call = self._pool.submit(function, *args, **kwargs)
        except RuntimeError as error:  # the pool is shut down
            self._free.release()
            raise Unavailable("The dashboard is stopping") from error
        call.add_done_callback(lambda _: self._leave(loop))
        return call

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the place back; called by the pool's thread, maybe after the loop has closed."""
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._free.release)


def first_cause(error: BaseException) -> BaseException:
    """Return the error that led to the others."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def reason(error: BaseException) -> str:
    """Return the words of the first cause of an error, or its name when it has none."""
    cause = first_cause(error)
    return str(cause) or type(cause).__name__
