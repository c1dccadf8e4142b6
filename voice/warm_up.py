"""Loading the models of speech before the first call."""

from concurrent.futures import ThreadPoolExecutor

from settings import Settings
from voice import turns
from voice.providers import STT, TTS, load_providers
from voice.quiet import quiet_pipecat


def warm_up(settings: Settings) -> None:
    """Load every model a call needs, side by side; blocks, so call it off the event loop."""
    quiet_pipecat()
    load_providers(settings.stt, settings.tts)
    with ThreadPoolExecutor() as pool:
        loads = [
            pool.submit(turns.warm_up),
            pool.submit(STT[settings.stt].warm_up, settings),
            pool.submit(TTS[settings.tts].warm_up, settings),
        ]
    for load in loads:
        load.result()
