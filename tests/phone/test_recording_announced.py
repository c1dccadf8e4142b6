"""Who is recorded is told so to the end of the sentence, whatever they say meanwhile."""

import pytest

from tests.phone.test_any_graph import HOURS, played, saying, thread
from voice.phonelab.virtual import VirtualCall
from voice.phonelab.virtual_acts import Act, HangsUp, Presses, Says

ANNOUNCED = "This call is recorded."


@pytest.mark.parametrize("act", [Says(0.6, "Hello?"), Presses(0.6, "5")])
def test_the_announcement_is_not_cut_short(act: Act) -> None:
    script = [act, HangsUp(18.0)]
    result = VirtualCall(saying(HOURS, "Yes?"), script, record_calls=True).run()
    assert played(result).startswith(ANNOUNCED)
    assert "Yes?" in played(result)


def test_what_follows_the_announcement_can_be_cut_short_and_the_announcement_is_not_repeated() -> (
    None
):
    script = [Says(5.0, "Stop, please!"), HangsUp(12.0)]
    result = VirtualCall(saying(HOURS, "Yes?"), script, record_calls=True).run()
    said = played(result)
    assert said.count(ANNOUNCED) == 1
    (_, greeting), human, _ = thread(result)
    assert HOURS.startswith(greeting) and 0 < len(greeting) < len(HOURS)
    assert human == ("human", "Stop, please!")
    first = result.record.transcript[0]
    assert (first.text, first.interrupted) == (ANNOUNCED, False)
