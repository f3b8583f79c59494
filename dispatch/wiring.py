"""Builds the parts that every entry point works with: the only chooser of implementations.

`build` reads settings, opens the database and makes the channels that the settings ask for; it
changes nothing and calls nobody. Tests build `Parts` of their own with a clock that stands still.
What entry points do with the parts is theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatch import settings as chosen
from dispatch.channels.contract import Channel
from dispatch.channels.twilio import TwilioChannel
from dispatch.clock import Clock, SystemClock
from dispatch.db import Store
from dispatch.settings import Settings


@dataclass(frozen=True)
class Parts:
    """What an entry point holds and hands down."""

    settings: Settings
    store: Store
    clock: Clock
    channels: Mapping[str, Channel] = field(default_factory=dict)
    """Suppliers by name, the preferred one first."""


def build(environ: Mapping[str, str]) -> Parts:
    """Return the parts for this environment.

    Raises SettingsError naming the first setting that cannot be used.
    """
    settings = chosen.load(environ)
    return Parts(settings, open_store(settings), SystemClock(), channels(settings))


def open_store(settings: Settings) -> Store:
    """Open the database that the settings name, with the keys that features need beside it."""
    if not settings.database.url:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Store(
        settings.database_url,
        pool_size=settings.database.pool_size,
        settings=settings,
        installation_key=settings.derive("installation key"),
    )


def channels(settings: Settings) -> dict[str, Channel]:
    """Return the suppliers that the settings know an account of."""
    twilio = settings.twilio
    if not twilio.account_sid:
        return {}
    return {
        TwilioChannel.name: TwilioChannel(
            account_sid=twilio.account_sid,
            auth_token=twilio.auth_token,
            sender=twilio.sender,
            public_url=twilio.public_url,
            api_base=twilio.api_base,
            address_obfuscated=twilio.obfuscate_addresses,
            pool=settings.engine.senders,
        )
    }
