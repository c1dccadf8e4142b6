"""The play-out buffer: audio in, audio out, and the marks between."""

from hypothesis import given
from hypothesis import strategies as st

from voice.phonelab import PlayoutBuffer

audio = st.binary(max_size=700)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), audio),
        st.tuples(st.just("mark"), st.none()),
        st.tuples(st.just("take"), st.integers(1, 320)),
        st.tuples(st.just("clear"), st.none()),
    ),
    max_size=60,
)


@given(operations)
def test_bytes_put_in_are_taken_or_cleared_or_pending_and_marks_come_back_once_in_order(steps):
    buffer: PlayoutBuffer[int] = PlayoutBuffer()
    put, taken, returned, set_marks = b"", b"", [], 0
    for operation, value in steps:
        if operation == "put":
            buffer.put(value)
            put += value
        elif operation == "mark":
            returned += buffer.mark(set_marks)
            set_marks += 1
        elif operation == "take":
            frame = buffer.take(value)
            assert len(frame.audio) <= value
            taken += frame.audio
            returned += frame.marks
        else:
            returned += buffer.clear()
            assert len(returned) == set_marks
    assert len(put) == buffer.taken + buffer.cleared + buffer.pending
    assert returned == list(range(len(returned)))
    returned += buffer.clear()
    assert returned == list(range(set_marks))
    assert len(taken) == buffer.taken


@given(st.lists(audio, max_size=8), st.integers(1, 320))
def test_audio_comes_out_as_it_went_in_whatever_the_chunks(chunks, size):
    buffer: PlayoutBuffer[int] = PlayoutBuffer()
    for chunk in chunks:
        buffer.put(chunk)
    out = b""
    while buffer.pending:
        out += buffer.take(size).audio
    assert out == b"".join(chunks)


def test_a_mark_waits_until_the_frame_with_its_last_byte_was_heard():
    buffer: PlayoutBuffer[str] = PlayoutBuffer()
    buffer.put(b"x" * 200)
    assert buffer.mark("end") == []
    assert buffer.take(160).marks == []
    assert buffer.take(160).marks == []
    assert buffer.take(160).marks == ["end"]


def test_a_mark_set_when_all_was_heard_returns_at_once():
    buffer: PlayoutBuffer[str] = PlayoutBuffer()
    assert buffer.mark("first") == ["first"]
    buffer.put(b"x" * 160)
    buffer.take(160)
    assert buffer.mark("still being heard") == []
    assert buffer.take(160).marks == ["still being heard"]
    assert buffer.mark("later") == ["later"]


def test_clear_drops_what_waits_and_returns_every_mark():
    buffer: PlayoutBuffer[str] = PlayoutBuffer()
    buffer.put(b"a" * 160)
    buffer.mark("one")
    buffer.put(b"b" * 160)
    buffer.mark("two")
    assert buffer.take(160).audio == b"a" * 160
    assert buffer.clear() == ["one", "two"]
    assert buffer.take(160) == (b"", [])
    assert (buffer.taken, buffer.cleared, buffer.pending) == (160, 160, 0)
