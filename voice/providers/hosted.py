"""What hosted providers share: a key that must be there, and an address for each protocol."""

from pydantic import SecretStr

from voice.providers import ProviderNotConfigured


def key_of(provider: str, variable: str, key: SecretStr | None) -> str:
    """Return the key of a provider.

    Raises:
        ProviderNotConfigured: there is none.
    """
    if key is None or not key.get_secret_value():
        raise ProviderNotConfigured(
            f"{provider} is chosen for speech, but there is no key. "
            f"Set {variable} in the environment or in .env, or choose the provider 'embedded'."
        )
    return key.get_secret_value()


def websocket_address(address: str) -> str:
    """Return an `http(s)://` or `ws(s)://` address as a WebSocket one, without a last slash."""
    scheme, found, rest = address.rstrip("/").partition("://")
    if not found:
        return f"wss://{scheme}"
    return f"{'ws' if scheme in ('http', 'ws') else 'wss'}://{rest}"
