"""Telling where something failed without quoting anybody: messages may hold a caller's words."""

import traceback


def places(error: BaseException) -> str:
    """Return an exception's type and where it passed, outermost first, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    way = " > ".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    cause = error.__cause__ or error.__context__
    return f"{type(error).__name__} at {way}" + (f"; after {places(cause)}" if cause else "")
