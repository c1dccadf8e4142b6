"""One `Settings` for the whole project, read once from the environment and `.env`."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SpeechToText = Literal["embedded", "deepgram", "openai", "openai_realtime"]
TextToSpeech = Literal["embedded", "deepgram", "openai", "elevenlabs"]


def _either(name: str, *usual: str) -> AliasChoices:
    """Accept `DIALGRAPH_NAME` and the provider's own usual names."""
    return AliasChoices(f"DIALGRAPH_{name}", *usual)


class Settings(BaseSettings):
    """Everything that can be configured; each field states its default, unit and meaning."""

    model_config = SettingsConfigDict(
        env_prefix="DIALGRAPH_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
    )

    # The server
    data_dir: Path = Field(Path("data"), description="Folder that holds everything kept.")
    database_url: SecretStr | None = Field(
        None,
        validation_alias=_either("DATABASE_URL", "DATABASE_URL"),
        description="PostgreSQL that holds records and conversations in place of SQLite in the "
        "data folder, for several servers: postgresql://user:password@host:5432/name.",
    )
    host: str = Field("127.0.0.1", description="Address the server listens on.")
    port: int = Field(7860, ge=0, le=65535, description="Port the server listens on.")
    public_url: str | None = Field(
        None,
        description="Address under which carriers reach the server, for example "
        "https://voice.example.com; telephone signatures are checked against it.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses whose X-Forwarded-* headers are believed, comma separated.",
    )
    default_graph: str = Field("eligibility", description="Graph used when none is named.")
    numbers: dict[str, str] = Field(
        default_factory=dict,
        description='Graph by number called, as JSON: {"+15550100": "eligibility"}.',
    )
    max_message_chars: int = Field(2000, ge=1, description="Longest chat message, in characters.")
    turn_timeout_secs: float = Field(60.0, gt=0, description="Longest graph turn, in seconds.")
    requests_per_minute: int = Field(
        600, ge=1, description="Chat requests admitted a minute from one address."
    )
    calls_per_hour_per_number: int = Field(
        30, ge=1, description="Incoming calls admitted an hour from one telephone number."
    )
    api_key: SecretStr | None = Field(
        None,
        description="Key with which other machines may use the page and the API; without it only "
        "this machine may.",
    )
    retention_days: int = Field(
        90, ge=0, description="Days a call record, recording or thread is kept; 0 keeps for ever."
    )

    # Voice
    stt: SpeechToText = Field("embedded", description="Speech to text provider.")
    tts: TextToSpeech = Field("embedded", description="Text to speech provider.")
    vad_confidence: float = Field(
        0.7, ge=0, le=1, description="Silero probability above which a frame is speech."
    )
    vad_start_secs: float = Field(
        0.2, gt=0, le=2, description="Speech needed before a turn starts, in seconds."
    )
    vad_stop_secs: float = Field(
        0.2, gt=0, le=3, description="Silence needed before a turn may end, in seconds."
    )
    silence_secs: float = Field(
        8.0, gt=0, description="Silence after a question until it is asked again, in seconds."
    )
    max_call_secs: float = Field(600.0, gt=0, description="Longest call, in seconds.")
    max_calls: int = Field(50, ge=1, description="Calls at once; more are told to ring later.")
    voicemail: Literal["hang_up", "leave_message"] | None = Field(
        None,
        description="What to do when a machine takes an outbound call: hang_up or leave_message; "
        "without it nobody asks who has taken it.",
    )
    voicemail_message: str = Field(
        "Hello, we have tried to reach you. We will call again. Goodbye.",
        description="What is said to an answering machine after its tone.",
    )
    record_calls: bool = Field(
        False, description="Keep a stereo WAV of each call; announced to the caller when on."
    )

    record_flights: bool = Field(
        False,
        description="Keep of each call what came in and what was decided, for `dialgraph replay`; "
        "it holds voice and words, and is kept and deleted as recordings are.",
    )

    # Providers, under their own usual names as well
    deepgram_api_key: SecretStr | None = Field(
        None, validation_alias=_either("DEEPGRAM_API_KEY", "DEEPGRAM_API_KEY")
    )
    deepgram_url: str = Field("https://api.deepgram.com", description="Deepgram's address.")
    deepgram_stt_model: str = Field("nova-3", description="Deepgram model that listens.")
    deepgram_voice: str = Field("aura-2-thalia-en", description="Deepgram voice.")
    openai_api_key: SecretStr | None = Field(
        None, validation_alias=_either("OPENAI_API_KEY", "OPENAI_API_KEY")
    )
    openai_base_url: str = Field(
        "https://api.openai.com/v1",
        validation_alias=_either("OPENAI_BASE_URL", "OPENAI_BASE_URL"),
        description="OpenAI's address, or a compatible one.",
    )
    openai_stt_model: str = Field("gpt-4o-mini-transcribe", description="OpenAI model listening.")
    openai_tts_model: str = Field("gpt-4o-mini-tts", description="OpenAI model that speaks.")
    openai_voice: str = Field("alloy", description="OpenAI voice.")
    elevenlabs_api_key: SecretStr | None = Field(
        None, validation_alias=_either("ELEVENLABS_API_KEY", "ELEVENLABS_API_KEY", "XI_API_KEY")
    )
    elevenlabs_url: str = Field("https://api.elevenlabs.io", description="ElevenLabs' address.")
    elevenlabs_voice_id: str = Field("21m00Tcm4TlvDq8ikWAM", description="ElevenLabs voice.")
    elevenlabs_model: str = Field("eleven_flash_v2_5", description="ElevenLabs model.")

    # Carriers
    twilio_account_sid: str | None = Field(
        None, validation_alias=_either("TWILIO_ACCOUNT_SID", "TWILIO_ACCOUNT_SID")
    )
    twilio_auth_token: SecretStr | None = Field(
        None, validation_alias=_either("TWILIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN")
    )
    exotel_api_key: SecretStr | None = Field(
        None, validation_alias=_either("EXOTEL_API_KEY", "EXOTEL_API_KEY")
    )
    exotel_api_token: SecretStr | None = Field(
        None, validation_alias=_either("EXOTEL_API_TOKEN", "EXOTEL_API_TOKEN")
    )

    # The eligibility interview
    eligibility_rules: Path | None = Field(
        None, description="Rules file used instead of the one shipped."
    )
    extra_graphs: dict[str, str] = Field(
        default_factory=dict,
        description='Graphs from outside, as JSON: {"mine": "path.py:graph"}; see `serve --graph`.',
    )

    @property
    def postgres(self) -> str | None:
        """Address of the PostgreSQL database, password included; None for SQLite."""
        return self.database_url.get_secret_value() if self.database_url else None


@lru_cache
def get_settings() -> Settings:
    """Return the process's settings, read on first use."""
    return Settings()
