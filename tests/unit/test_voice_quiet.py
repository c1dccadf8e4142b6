"""What reaches our log of pipecat's."""

import logging
import subprocess
import sys

import pytest
from loguru import logger

from voice.quiet import quiet_pipecat


def test_a_warning_of_pipecat_is_logged_by_its_place_and_never_by_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    quiet_pipecat()
    caplog.set_level(logging.DEBUG)
    logger.patch(lambda record: record.update(name="pipecat.services")).warning("secret words")
    assert "warning in pipecat.services:" in caplog.text
    assert "secret" not in caplog.text


def test_the_log_of_an_application_that_embeds_us_stays() -> None:
    script = (
        "from loguru import logger; logger.add(print, format='kept: {message}')\n"
        "from voice.quiet import quiet_pipecat; quiet_pipecat(); quiet_pipecat()\n"
        "logger.warning('words')"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "kept: words"
    assert ran.stderr == ""
