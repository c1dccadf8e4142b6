"""Virtual time: an event loop whose clock jumps to the next timer when nothing else is to be done.

A call of thirty seconds then runs as fast as the machine can carry it, and the same every time:

    from voice.phonelab.virtual_time import run

    run(asyncio.sleep(3600))  # at once

While `run` lasts, `time` (`time`, `monotonic`, `perf_counter`, each with its `_ns`), `loop.time()`
and `datetime.now()` in code outside the installed packages show the virtual time, and chance
(`random`, `uuid`, `secrets`) comes from the seed.

Work in threads takes no virtual time. The loop hands over to the thread and goes on when it is
done, so that order never depends on the machine; a thread that calls `time.sleep` sleeps in
virtual time, as a task does. What goes on outside this process is not waited for: let everything
that belongs to a test run on the one loop (`virtual_socket.py`), or leave it on real time.
"""

import asyncio
import contextlib
import datetime as datetimes
import functools
import os
import random
import selectors
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, ParamSpec, TypeVar

import aiosqlite.core
from langgraph.checkpoint.base import id as checkpoint_ids

P = ParamSpec("P")
T = TypeVar("T")

EPOCH = 1_767_268_800.0
"""Time of day at which virtual time begins: noon of 1 January 2026, UTC, as Unix time."""
UPTIME = 1000.0
"""What the monotonic clock shows then, in seconds."""
HANDOVER_SECS = 2.0
"""Real time the loop stands still for a thread; after that other tasks run, at the same moment."""
ERRAND_SECS = 0.25
"""The same for one statement of a database, which may wait for another task's transaction."""
STUCK_SECS = 60.0
"""Real time a thread may work while nothing else can happen, before that is taken as an error."""

on_block: ContextVar[Callable[[float], None] | None] = ContextVar("on_block", default=None)
"""Told for how many seconds code sleeps on the loop's own thread, where nothing else can happen."""


class TimeStands(RuntimeError):
    """Nothing can ever happen any more: no timer is set, no thread works, no message is there."""


class Jumps(selectors.DefaultSelector):
    """Waits for nothing: what the loop would wait for is where its clock goes.

    Sockets that are ready are served first; only work in threads is really waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        """Virtual seconds since the beginning."""
        self.working = 0
        """Threads that work and are not stood still for."""
        self.outside = 0
        """How much goes on whose time is real; while something does, so is the time of the loop."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; when nothing is, go to the next timer.

        Tasks that can run are not kept waiting for a thread: it may wait for them.

        Raises:
            TimeStands: there is none, and nothing to wait for.
        """
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is not None and timeout <= 0:  # there is work on the loop itself
            return []
        if self.outside and not self.working and timeout is not None:
            began = _real.monotonic()
            ready = super().select(timeout)
            self.now += min(timeout, _real.monotonic() - began)
            return ready
        if self.working or timeout is None:
            if ready := super().select(STUCK_SECS if self.working else 1.0):
                return ready
            raise TimeStands(
                f"At {self.now:.3f} virtual seconds nothing is left that could happen: every task "
                "waits for another, or for something outside this event loop."
            )
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time; see `run`."""

    def __init__(self) -> None:
        self.jumps = Jumps()
        super().__init__(self.jumps)
        self._home = threading.get_ident()

    def time(self) -> float:
        """Return the virtual monotonic time, in seconds."""
        return UPTIME + self.jumps.now

    @property
    def here(self) -> bool:
        """Whether this code runs on the loop's own thread."""
        return threading.get_ident() == self._home

    async def shutdown_default_executor(self, *_: Any) -> None:
        """Let the threads end; in real time, for they have nothing to wait for."""
        if self._default_executor:  # type: ignore[attr-defined]
            self._default_executor.shutdown(wait=True)  # type: ignore[attr-defined]

    def hand_over(self, turn: "Turn", within: float | None = None) -> None:
        """Stand still while a thread works, until it is done or sleeps."""
        if not turn.over.wait(HANDOVER_SECS if within is None else within) and turn.leave(
            self._join
        ):
            self.jumps.working += 1

    def _join(self) -> None:
        self.call_soon_threadsafe(self._joined)

    def _joined(self) -> None:
        _real.sleep(0.001)  # what the thread brought is put in the queue behind this
        self.jumps.working -= 1


class Turn:
    """The time in which a thread works and the loop stands still."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self._late: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def leave(self, late: Callable[[], None]) -> bool:
        """Wait no longer: `late` is called at the end; returns False when that has come."""
        with self._lock:
            self._late = late
            return not self.over.is_set()

    def end(self, _done: object = None) -> None:
        """Let the loop go on."""
        with self._lock:
            self.over.set()
            if self._late:
                self._late()


_real = SimpleNamespace(
    sleep=time.sleep,
    monotonic=time.monotonic,
    submit=ThreadPoolExecutor.submit,
    datetime=datetimes.datetime,
)
"""What is replaced while virtual time lasts and is used here all the same."""
_working = threading.local()


def run(main: Coroutine[Any, Any, T], *, seed: int = 0, starts: float = EPOCH) -> T:
    """Run a coroutine to its end in virtual time, on an event loop of its own.

    Args:
        main: what to run.
        seed: of everything that is left to chance; the same seed, the same run.
        starts: time of day at which it begins, as Unix time.

    Raises:
        TimeStands: the coroutine waits for what cannot happen.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)  # noqa: S101 - made a line above
        with _virtual(loop, seed, starts):
            try:
                return runner.run(main)
            finally:
                runner.close()


def virtually(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Make an asynchronous test one that runs in virtual time."""

    @functools.wraps(test)
    def run_test(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)

        run(main())

    return run_test


@contextlib.contextmanager
def _virtual(loop: VirtualLoop, seed: int, starts: float) -> Iterator[None]:
    """Replace the clocks, the sleep of threads and chance."""
    chance = random.Random(seed)  # noqa: S311 - so that a run can be repeated
    before = random.getstate()
    random.seed(seed)
    with contextlib.ExitStack() as replaced:

        def replace(owner: Any, name: str, value: Any) -> None:
            replaced.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)

        for name, start in (("time", starts), ("monotonic", UPTIME), ("perf_counter", UPTIME)):
            replace(time, name, lambda start=start: start + loop.jumps.now)
            replace(time, f"{name}_ns", lambda start=start: round((start + loop.jumps.now) * 1e9))
        replace(checkpoint_ids, "_last_v6_timestamp", None)  # no id before it, on either clock
        replace(time, "sleep", functools.partial(_sleep, loop))
        replace(os, "urandom", chance.randbytes)
        replace(random, "_urandom", chance.randbytes)
        replace(ThreadPoolExecutor, "submit", _submitting(loop))
        replace(aiosqlite.core, "SimpleQueue", functools.partial(_Errands, loop))
        for module in _ours():
            replace(module, "datetime", _Datetime)
        try:
            yield
        finally:
            random.setstate(before)


def _sleep(loop: VirtualLoop, seconds: float) -> None:
    """Sleep in virtual time; on the loop's thread nothing else happens meanwhile, as is due."""
    turn = getattr(_working, "turn", None)
    if loop.here:
        loop.jumps.now += seconds
        if told := on_block.get():
            told(seconds)
    elif turn is None or loop.is_closed():
        _real.sleep(seconds)
    else:
        awake, mine = threading.Event(), Turn()

        def wake() -> None:
            awake.set()
            loop.hand_over(mine)

        loop.call_soon_threadsafe(loop.call_later, seconds, wake)
        _working.turn = mine
        turn.end()
        awake.wait()


def _submitting(loop: VirtualLoop) -> Callable[..., Future[Any]]:
    def submit(
        pool: ThreadPoolExecutor, work: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        if not loop.here:
            future: Future[Any] = _real.submit(pool, work, *args, **kwargs)
            return future
        turn = Turn()

        def do() -> Any:
            _working.turn = turn
            try:
                return work(*args, **kwargs)
            finally:
                last, _working.turn = _working.turn, None
                future.add_done_callback(last.end)

        started = threading.Event()
        future = _real.submit(pool, lambda: started.wait() and do())
        started.set()
        loop.hand_over(turn)
        return future

    return submit


class _Errands(SimpleQueue[Any]):
    """What the thread of an `aiosqlite` connection is to do; the loop stands still for each."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def put_nowait(self, errand: Any) -> None:
        future, work = errand
        turn = Turn()

        def do() -> Any:
            """Work and report; the loop goes on once that is in its queue."""
            try:
                result = work()
            except BaseException as error:
                return _report(future, aiosqlite.core.set_exception, error)
            else:
                _report(future, aiosqlite.core.set_result, result)
                return result
            finally:
                turn.end()

        super().put_nowait((None, do))
        if self._loop.here:
            self._loop.hand_over(turn, ERRAND_SECS)


def _report(future: asyncio.Future[Any] | None, report: Callable[..., None], what: object) -> None:
    """Tell who waits for an errand; nobody does when the loop has ended before its connection."""
    if future:
        with contextlib.suppress(RuntimeError):
            future.get_loop().call_soon_threadsafe(report, future, what)


class _VirtualNow(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real.datetime)


class _Datetime(datetimes.datetime, metaclass=_VirtualNow):
    """The `datetime` that modules see meanwhile; what it makes are ordinary ones."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return _real.datetime(*args, **kwargs)

    @classmethod
    def now(cls, tz: datetimes.tzinfo | None = None) -> Any:
        return _real.datetime.fromtimestamp(time.time(), tz)


def _ours() -> list[Any]:
    """Modules that have `datetime` by its name, but for those of Python and of packages."""
    installed = ("site-packages", os.path.dirname(os.__file__), os.path.abspath(__file__))
    return [
        module
        for module in [*sys.modules.values()]
        if getattr(module, "__dict__", {}).get("datetime") is _real.datetime
        and not any(path in (getattr(module, "__file__", None) or path) for path in installed)
    ]
