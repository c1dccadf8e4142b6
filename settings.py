"""One `Settings` for the whole project, read once from the environment and `.env`."""

from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SpeechToText = Literal["embedded", "deepgram", "openai", "openai_realtime"]
TextToSpeech = Literal["embedded", "deepgram", "openai", "elevenlabs"]


def _either(name: str, *usual: str) -> AliasChoices:
    """Accept `DIALGRAPH_NAME` and the provider's own usual names."""
    return AliasChoices(f"DIALGRAPH_{name}", *usual)


E164: Final = r"\+[1-9][0-9]{6,14}"
"""What a telephone number looks like in E.164; `tools.conversation.e164` makes one of words."""


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
    organisation: str = Field(
        "lanternfield",
        description="Organisation for which the graph sdr speaks when no agent is given: a folder "
        "in organisations/ of the data folder, or the fictional one shipped.",
    )
    numbers: dict[str, str] = Field(
        default_factory=dict,
        description='Graph by number called, as JSON: {"+15550100": "eligibility"}.',
    )
    max_message_chars: int = Field(2000, ge=1, description="Longest chat message, in characters.")
    turn_timeout_secs: float = Field(60.0, gt=0, description="Longest graph turn, in seconds.")
    requests_per_minute: int = Field(
        600, ge=1, description="Chat requests admitted a minute from one address."
    )
    max_written: int = Field(
        200,
        ge=1,
        description="Conversations in writing, and turns of chat, that a process holds at once; "
        "more are told to come back soon.",
    )
    max_lag_secs: float = Field(
        0.5,
        gt=0,
        description="How late the event loop may be, in seconds, until a process takes no more "
        "conversations, spoken or written.",
    )
    calls_per_hour_per_number: int = Field(
        30, ge=1, description="Incoming calls admitted an hour from one telephone number."
    )
    api_key: SecretStr | None = Field(
        None,
        description="Key with which other machines may use the page and the API; without it only "
        "this machine may.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Key that seals the secrets of agents, 32 bytes in URL-safe base64, the same "
        "on every server; without it secret.key in the data folder, which is made when missing.",
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

    # Knowledge
    embeddings: str = Field(
        "wordllama",
        description="What embeds documents and questions: wordllama (offline), openai, ollama, or "
        "package.module:NAME of a LangChain Embeddings; a change embeds everything anew.",
    )
    embeddings_model: str | None = Field(
        None, description="Model of openai or ollama that embeds; a usual one when missing."
    )
    ollama_url: str = Field(
        "http://127.0.0.1:11434",
        validation_alias=_either("OLLAMA_URL", "OLLAMA_HOST"),
        description="Ollama's address.",
    )
    chunking: Literal["structure", "characters"] = Field(
        "structure",
        description="How documents are split: along headings, paragraphs, tables and sentences, "
        "or by characters alone.",
    )
    chunk_chars: int = Field(500, ge=50, le=8000, description="Longest chunk, in characters.")
    chunk_overlap: int = Field(
        50, ge=0, le=1000, description="What a chunk repeats of the one before, in characters."
    )
    max_document_bytes: int = Field(
        20_000_000, ge=1, description="Largest document that is taken, in bytes."
    )

    # Language models, of agents that do not name their own
    llm: Literal["embedded", "openai", "anthropic"] = Field(
        "embedded",
        description="Language model: embedded answers without one; openai is any "
        "OpenAI-compatible address.",
    )
    llm_model: str = Field("gpt-4o-mini", description="Name of the language model.")
    llm_base_url: str | None = Field(
        None, description="Address of the language model; the provider's own when missing."
    )
    llm_first_token_secs: float = Field(
        2.5, gt=0, description="Longest wait for a model's first word, in seconds."
    )
    llm_next_token_secs: float = Field(
        1.5, gt=0, description="Longest wait for a model's next word, in seconds."
    )
    llm_answer_secs: float = Field(
        20.0, gt=0, description="Longest time a model may write one answer, in seconds."
    )
    anthropic_api_key: SecretStr | None = Field(
        None, validation_alias=_either("ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY")
    )

    # Carriers
    twilio_account_sid: str | None = Field(
        None, validation_alias=_either("TWILIO_ACCOUNT_SID", "TWILIO_ACCOUNT_SID")
    )
    twilio_auth_token: SecretStr | None = Field(
        None, validation_alias=_either("TWILIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN")
    )
    twilio_api_url: str = Field(
        "https://api.twilio.com",
        validation_alias=_either("TWILIO_API_URL", "TWILIO_API_URL"),
        description="Address of Twilio's REST; another one for the phone lab.",
    )
    twilio_number: str | None = Field(
        None,
        validation_alias=_either("TWILIO_NUMBER", "TWILIO_NUMBER", "TWILIO_PHONE_NUMBER"),
        pattern=rf"^{E164}$",
        description="Number that calls and messages come from, E.164, where no other is named.",
    )
    ringing_secs: int = Field(
        45, ge=5, le=600, description="Longest ringing of a call that we place, in seconds."
    )
    machine_detection: Literal["Enable", "DetectMessageEnd"] | None = Field(
        None,
        description="Have Twilio find out who answers a call that we place (which it charges for).",
    )
    turn_input: Literal["record", "gather"] = Field(
        "record",
        description="How a call without a media stream listens: record (our speech to text) or "
        "gather (the carrier's).",
    )
    turn_voice: str | None = Field(
        None,
        description="Voice of <Say> in such a call, such as Polly.Joanna; the carrier's own if not "
        "set.",
    )
    messages_continue_calls: bool = Field(
        False,
        description="A text message goes on with the last call of that number and the same agent. "
        "The number a message shows can be forged.",
    )
    exotel_api_key: SecretStr | None = Field(
        None, validation_alias=_either("EXOTEL_API_KEY", "EXOTEL_API_KEY")
    )
    exotel_api_token: SecretStr | None = Field(
        None, validation_alias=_either("EXOTEL_API_TOKEN", "EXOTEL_API_TOKEN")
    )

    # What tools act with
    mcp_servers: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Programs that are MCP servers, by name, as JSON: "
        '{"notes": {"command": "notes-mcp", "args": [], "env": {}}}.',
    )
    smtp_host: str | None = Field(None, description="Mail server by which e-mail is sent.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to the mail server is made safe."
    )
    smtp_user: str | None = Field(None, description="User at the mail server, if it wants one.")
    smtp_password: SecretStr | None = Field(None, description="Password at the mail server.")
    email_from: str | None = Field(
        None, description="Address e-mail is sent from: Acme <hello@acme.example>."
    )
    slack_webhook_url: SecretStr | None = Field(
        None,
        validation_alias=_either("SLACK_WEBHOOK_URL", "SLACK_WEBHOOK_URL"),
        description="Address of an incoming webhook of Slack, into whose channel alerts go.",
    )
    owner_email: str | None = Field(
        None, description="E-mail address of who owns the account that is traded on."
    )
    hubspot_access_token: SecretStr | None = Field(
        None,
        validation_alias=_either("HUBSPOT_ACCESS_TOKEN", "HUBSPOT_ACCESS_TOKEN"),
        description="Token of a private app at HubSpot, for organisations with `crm: hubspot`.",
    )
    hubspot_url: str = Field("https://api.hubapi.com", description="HubSpot's address.")
    calcom_api_key: SecretStr | None = Field(
        None,
        validation_alias=_either("CALCOM_API_KEY", "CALCOM_API_KEY", "CAL_API_KEY"),
        description="Key at Cal.com, for organisations whose calendar has `backend: calcom`.",
    )
    calcom_url: str = Field("https://api.cal.com", description="Cal.com's address.")
    call_countries: str = Field(
        "",
        description="Countries whose numbers may be called, ISO 3166, comma separated: US,IN; "
        "without it nobody is called.",
    )
    permission_rules: Path | None = Field(
        None, description="File of rules for calling out, used instead of the one shipped."
    )
    private_hosts: str = Field(
        "",
        description="Hosts that are not on the public internet and that webhook tools, MCP servers "
        "and documents by URL may reach, comma separated, each with or without :port.",
    )

    # Approval of trades
    owner_number: str | None = Field(
        None,
        pattern=rf"^{E164}$",
        description="Number of whoever approves trades, E.164; rung for each, at any hour.",
    )
    approval_minutes: int = Field(
        15, ge=1, le=1440, description="How long an approval is waited for, in minutes."
    )
    price_band_pct: Decimal = Field(
        Decimal(1),
        ge=0,
        description="How far a price may move between question and answer, in percent; beyond it "
        "nothing is traded.",
    )
    approval_rings: int = Field(
        2, ge=0, le=10, description="How often the owner is rung for one approval, at most."
    )
    approval_ring_pause_secs: float = Field(
        60.0,
        ge=0,
        description="Wait before the owner is rung again who did not answer, in seconds.",
    )

    # Stocks
    market_data: str = Field(
        "recorded",
        description="Market data, comma separated, each asked and none instead of another: "
        "recorded (historical, comes along) or names of tools/market/providers.",
    )
    stock_symbols: str = Field(
        "AAPL,FB,GOOG,IBM,MSFT",
        description="Symbols that are looked at where nobody names any, comma separated; recorded "
        "prices are there for these five.",
    )
    stock_analysts: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Language models that judge stocks, as JSON; see docs/stocks.md: "
        '[{"name": "claude", "provider": "openrouter", "model": "anthropic/claude-sonnet-4.5"}].',
    )
    stock_debate: bool = Field(
        False, description="Let models that disagree read each other's case and answer once more."
    )
    stock_analyst_secs: float = Field(
        30.0, gt=0, description="Longest wait for one answer of an analyst, in seconds."
    )
    stock_horizon_days: int = Field(
        21, ge=1, le=260, description="Sessions of the exchange that a forecast looks ahead."
    )
    stock_limits: dict[str, Any] = Field(
        default_factory=dict,
        description="What may be risked, as JSON, by the names in tools/limits.py: "
        '{"least_probability": 0.53, "picks": 3, "per_name_fraction": "0.10"}.',
    )
    stock_scans: bool = Field(
        False,
        description="Scan the market while the New York exchange is open, with alerts by Slack and "
        "e-mail and a summary of each day by e-mail.",
    )
    stock_scan_minutes: int = Field(
        30, ge=5, le=390, description="Minutes from one scan to the next."
    )
    stock_usd_per_run: Decimal = Field(
        Decimal(1), ge=0, description="Most that models may cost in one run, USD."
    )
    stock_usd_per_day: Decimal = Field(
        Decimal(5), ge=0, description="Most that models may cost in one day (UTC), USD."
    )
    stock_usd_per_week: Decimal | None = Field(
        None, ge=0, description="Most that models may cost in one week (from Monday, UTC), USD."
    )
    stock_usd_per_month: Decimal | None = Field(
        None, ge=0, description="Most that models may cost in one month (UTC), USD."
    )
    openrouter_api_key: SecretStr | None = Field(
        None, validation_alias=_either("OPENROUTER_API_KEY", "OPENROUTER_API_KEY")
    )
    openrouter_url: str = Field("https://openrouter.ai/api/v1", description="OpenRouter's address.")
    alpaca_key: SecretStr | None = Field(
        None,
        validation_alias=_either("ALPACA_KEY", "ALPACA_API_KEY", "APCA_API_KEY_ID"),
        description="Id of a key at Alpaca; without it a local exchange trades recorded prices.",
    )
    alpaca_secret: SecretStr | None = Field(
        None,
        validation_alias=_either("ALPACA_SECRET", "ALPACA_SECRET_KEY", "APCA_API_SECRET_KEY"),
        description="Secret of the key at Alpaca.",
    )
    alpaca_url: str | None = Field(
        None, description="Address of Alpaca's trading; its own for paper or live when missing."
    )
    alpaca_data_url: str | None = Field(
        None, description="Address of Alpaca's market data; its own when missing."
    )
    alpaca_live: bool = Field(
        False,
        description="Trade with real money; only together with DIALGRAPH_ALPACA_LIVE_ACCOUNT.",
    )
    alpaca_live_account: str | None = Field(
        None, description="Number of the one account on which real money may be traded."
    )

    # Market data; see docs/market.md
    market_quotas: dict[str, str] = Field(
        default_factory=dict,
        description="How often providers may be asked, instead of what their free plans allow, as "
        'JSON: {"alpha_vantage": "75/minute", "edgar": "4/second"}; each server counts by itself.',
    )
    market_urls: dict[str, str] = Field(
        default_factory=dict,
        description='Other addresses of providers, as JSON: {"fred": "https://proxy.example/fred"}.',
    )
    alpaca_feed: str = Field(
        "iex", description="Prices that Alpaca tells: iex (free), sip, delayed_sip."
    )
    finnhub_api_key: SecretStr | None = Field(
        None, validation_alias=_either("FINNHUB_API_KEY", "FINNHUB_API_KEY")
    )
    alpha_vantage_api_key: SecretStr | None = Field(
        None, validation_alias=_either("ALPHA_VANTAGE_API_KEY", "ALPHA_VANTAGE_API_KEY")
    )
    dataforseo_login: str | None = Field(
        None,
        validation_alias=_either("DATAFORSEO_LOGIN", "DATAFORSEO_LOGIN"),
        description="Login of DataForSEO's API (Google Finance).",
    )
    dataforseo_password: SecretStr | None = Field(
        None,
        validation_alias=_either("DATAFORSEO_PASSWORD", "DATAFORSEO_PASSWORD"),
        description="Password of DataForSEO's API, not that of the account.",
    )
    fred_api_key: SecretStr | None = Field(
        None, validation_alias=_either("FRED_API_KEY", "FRED_API_KEY")
    )
    fred_series: str = Field(
        "DGS10,DGS2,DFF,UNRATE,CPIAUCSL,VIXCLS",
        description="Economic series that are read from FRED, comma separated.",
    )
    openfda_api_key: SecretStr | None = Field(
        None, validation_alias=_either("OPENFDA_API_KEY", "OPENFDA_API_KEY")
    )
    edgar_contact: str | None = Field(
        None,
        description="Name and e-mail address told to the SEC, which lets nobody in without: "
        "Example Ltd data@example.com.",
    )

    # Analytics
    prices_per_minute: dict[str, str] = Field(
        default_factory=dict,
        description='What a minute of a call costs by part, as JSON: {"carrier": "0.0085", '
        '"stt": "0.0043"}; without it no cost is estimated.',
    )

    # The eligibility interview
    eligibility_rules: Path | None = Field(
        None, description="Rules file used instead of the one shipped."
    )
    extra_graphs: dict[str, str] = Field(
        default_factory=dict,
        description='Graphs from outside, as JSON: {"mine": "path.py:graph"}; see `serve --graph`.',
    )

    @field_validator("private_hosts", "trusted_proxies")
    @classmethod
    def _are_listed(cls, given: str) -> str:
        if set(given) & set("{}\"'"):  # of JSON, whose quotes would be part of the names
            raise ValueError("expected names with commas between them, without quotes")
        return given

    @field_validator("call_countries")
    @classmethod
    def _are_countries(cls, given: str) -> str:
        countries = [country.strip().upper() for country in given.split(",") if country.strip()]
        if not countries:
            return ""
        from phonenumbers import SUPPORTED_REGIONS  # half of what importing the settings takes

        if wrong := [country for country in countries if country not in SUPPORTED_REGIONS]:
            raise ValueError(
                "expected ISO 3166 codes with commas between them, such as US,IN or GB; "
                f"{wrong[0]} is none"
            )
        return ",".join(countries)

    @property
    def sealing_key(self) -> str | None:
        """The key that seals secrets, where it is not in the data folder."""
        return self.secret_key.get_secret_value() if self.secret_key else None

    @property
    def postgres(self) -> str | None:
        """Address of the PostgreSQL database, password included; None for SQLite."""
        return self.database_url.get_secret_value() if self.database_url else None


@lru_cache
def get_settings() -> Settings:
    """Return the process's settings, read on first use."""
    return Settings()
