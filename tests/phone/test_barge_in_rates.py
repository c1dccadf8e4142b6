"""The published rates of barge-in: a few of the sounds, by the program that measures them all."""

from benchmarks.barge_in import interval, measure
from benchmarks.sounds import clips


async def test_noise_is_ignored_and_a_command_stops_the_bot_on_the_measured_set() -> None:
    results = (await measure(26, set(), ["ours"]))["ours"]
    by_kind = {result.clip.kind: result for result in reversed(results)}
    assert by_kind["noise"].ignored
    assert any(not r.ignored and r.clear_ms for r in results if r.clip.kind == "interruption")


def test_the_set_is_the_same_each_time_and_labelled() -> None:
    once, again = clips(), clips()
    assert [clip.name for clip in once] == [clip.name for clip in again]
    assert all((a.audio == b.audio).all() for a, b in zip(once, again, strict=True))
    assert {clip.kind for clip in clips(every=26)} == {clip.kind for clip in once}


def test_an_interval_holds_the_share_and_stays_within_0_and_100() -> None:
    assert interval(26, 26) == "100 % (87 to 100)"
    assert interval(0, 0) == "-"
    assert interval(16, 32).startswith(" 50 % (34 to 66)")
