"""What keeps the server from starting is told in one sentence, before anybody calls."""

from pathlib import Path

import pytest

from server.startup import (
    CannotStart,
    check,
    keep_data_folder,
    make_data_folder,
    read_settings,
    unknown_variables,
)
from settings import Settings, get_settings


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DIALGRAPH_PORT", "abc", "DIALGRAPH_PORT: Input should be a valid integer"),
        ("DIALGRAPH_STT", "parrot", "DIALGRAPH_STT: Input should be 'embedded'"),
        ("DIALGRAPH_CALL_COUNTRIES", '["US"]', r'CALL_COUNTRIES: .*such as US,IN or GB; \["US"\]'),
        ("DIALGRAPH_CALL_COUNTRIES", "US,UK", "CALL_COUNTRIES: .*UK is none"),
        ("DIALGRAPH_NUMBERS", "{bad", 'expected JSON: .*"numbers"'),
    ],
)
def test_a_value_that_is_not_allowed_is_named(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    with pytest.raises(CannotStart, match=told):
        read_settings()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"default_graph": "nope"}, "There is no graph 'nope'.* Served here: eligibility"),
        ({"numbers": {"+15550100": "gone"}}, "There is no graph 'gone'"),
        ({"eligibility_rules": Path("/nope")}, "RULES: There is no rules file /nope"),
        ({"stt": "deepgram"}, "DEEPGRAM_API_KEY"),
        ({"tts": "elevenlabs"}, "ELEVENLABS_API_KEY"),
        ({"alpaca_live": True}, "missing: APCA_API_KEY_ID and DIALGRAPH_ALPACA_LIVE_ACCOUNT"),
        (
            {"alpaca_live": True, "alpaca_key": "k", "alpaca_secret": "s"},
            "missing: DIALGRAPH_ALPACA_LIVE_ACCOUNT. .*paper",
        ),
        ({"alpaca_key": "k"}, "APCA_API_SECRET_KEY go together"),
        ({"database_url": "mysql://a:pw@b/c"}, "DATABASE_URL: expected .*postgresql://.* 'mysql'"),
        ({"database_url": "postgresql://a:pw@127.0.0.1:1/c"}, "DATABASE_URL: .*refused"),
    ],
)
def test_what_would_fail_at_the_first_call_keeps_the_server_from_starting(
    change: dict[str, object], told: str
) -> None:
    with pytest.raises(CannotStart, match=told):
        check(Settings(**change), ["eligibility"])  # type: ignore[arg-type]


def test_countries_may_be_written_in_any_case_and_with_spaces() -> None:
    assert Settings(call_countries=" us, In ,").call_countries == "US,IN"


@pytest.mark.parametrize(
    "name", ["TWILIO_NUMBER", "TWILIO_PHONE_NUMBER", "DIALGRAPH_TWILIO_NUMBER"]
)
def test_the_number_that_calls_is_known_by_each_of_its_names(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documents named it otherwise than the settings, and nobody was called."""
    monkeypatch.setenv(name, "+12025550177")
    assert Settings(_env_file=None).twilio_number == "+12025550177"


def test_a_list_in_json_is_refused_where_names_stand_with_commas() -> None:
    """It was taken, and its names, quotes and all, meant nobody."""
    with pytest.raises(ValueError, match="names with commas between them"):
        Settings(private_hosts='["127.0.0.1"]')
    assert Settings(private_hosts="a:80, [::1]:81").private_hosts == "a:80, [::1]:81"


def test_sound_settings_start() -> None:
    check(Settings(), ["eligibility"])


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStart, match="The data folder .*file/data cannot be written"):
        make_data_folder(tmp_path / "file" / "data")


def test_a_data_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    make_data_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_second_server_does_not_work_with_the_data_folder_of_the_first(tmp_path: Path) -> None:
    """Each would overwrite the turns of the other, and lose half of what was said."""
    first = keep_data_folder(tmp_path)
    with pytest.raises(CannotStart, match="Another server .* DIALGRAPH_DATA_DIR"):
        keep_data_folder(tmp_path)
    first.release()
    keep_data_folder(tmp_path).release()


def test_a_misspelt_setting_is_pointed_out() -> None:
    found = unknown_variables(["DIALGRAPH_PROT", "DIALGRAPH_PORT", "TWILIO_AUTH_TOKEN", "HOME"])
    assert found == ["DIALGRAPH_PROT is not a setting and is ignored. Did you mean DIALGRAPH_PORT?"]
