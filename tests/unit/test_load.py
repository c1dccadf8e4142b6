"""What a process takes, by how late its loop is and how much it holds."""

import asyncio
import time

import pytest

from voice.load import LOOKS, Load, TooMuch
from voice.phonelab.virtual_time import virtually


@virtually
async def test_a_loop_that_is_late_all_the_time_takes_no_more() -> None:
    load = Load(0.5, rooms=10)
    async with load.watched():
        for _ in range(LOOKS + 1):
            await asyncio.sleep(0.6)
        assert not load.too_late and load.lag_secs == 0.0
        for _ in range(2 * LOOKS):
            time.sleep(1.5)  # noqa: ASYNC251  # the loop is held up: that is the test
            await asyncio.sleep(0.01)
        assert load.too_late
        with pytest.raises(TooMuch, match="too busy"), load.room():
            pass
        for _ in range(LOOKS):
            await asyncio.sleep(0.6)
        assert not load.too_late


def test_one_long_stop_is_no_load() -> None:
    load = Load(0.5, rooms=1)
    load._lags.extend([0.0] * (LOOKS - 1) + [60.0])
    assert not load.too_late


def test_a_room_is_free_again_however_it_was_left() -> None:
    load = Load(0.5, rooms=1)
    with pytest.raises(ValueError, match="broken"), load.room():
        raise ValueError("broken")
    with load.room(), pytest.raises(TooMuch, match="holds 1"), load.room():
        pass
    with load.room():
        pass
