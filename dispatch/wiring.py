"""Builds the parts that every entry point works with: the only chooser of implementations.

`build` reads settings, opens the database and makes the channels that the settings ask for; it
changes nothing and calls nobody. Tests build `Parts` of their own with a clock that stands still.
What entry points do with the parts is theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLError

from dispatch import settings as chosen
from dispatch.channels.contract import Channel
from dispatch.channels.gateway import GatewayChannel
from dispatch.channels.mail import MailChannel
from dispatch.channels.twilio import TwilioChannel
from dispatch.channels.webpush import WebPushChannel
from dispatch.clock import Clock, SystemClock
from dispatch.db import Store
from dispatch.outbox.pace import Limit, Limits
from dispatch.settings import Settings, SettingsError


@dataclass(frozen=True)
class Parts:
    """What an entry point holds and hands down."""

    settings: Settings
    store: Store
    clock: Clock
    channels: Mapping[str, Channel] = field(default_factory=dict)
    """Suppliers by name, the preferred one first."""
    limits: Limits = field(default_factory=dict)
    """How fast texts leave by each supplier, and from which numbers."""


def build(environ: Mapping[str, str]) -> Parts:
    """Return the parts for this environment.

    Raises SettingsError naming the first setting that cannot be used.
    """
    settings = chosen.load(environ)
    clock = SystemClock()
    # First: what cannot be used must not leave a database open.
    made = channels(settings, clock)
    return Parts(settings, open_store(settings), clock, made, limits(settings))


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


def channels(settings: Settings, clock: Clock) -> dict[str, Channel]:
    """Return the suppliers that the settings know an account of, the preferred ones first."""
    texts = {TwilioChannel.name: _twilio, GatewayChannel.name: _gateway}
    made = [texts[name](settings, clock) for name in settings.suppliers.texts]
    made += [_mail(settings, clock), _push(settings, clock)]
    return {channel.name: channel for channel in made if channel is not None}


def limits(settings: Settings) -> Limits:
    """Return how fast texts leave by each supplier, and from which numbers."""
    twilio, gateway = settings.twilio, settings.gateway
    numbers = tuple(dict.fromkeys([twilio.sender, *twilio.more_senders]))
    return {
        TwilioChannel.name: Limit(numbers, twilio.texts_per_second),
        GatewayChannel.name: Limit((gateway.sender,), gateway.texts_per_second),
    }


def _twilio(settings: Settings, _clock: Clock) -> Channel | None:
    twilio = settings.twilio
    if not twilio.account_sid:
        return None
    return TwilioChannel(
        account_sid=twilio.account_sid,
        auth_token=twilio.auth_token,
        senders=limits(settings)[TwilioChannel.name].numbers,
        public_url=twilio.public_url,
        api_base=twilio.api_base,
        address_obfuscated=twilio.obfuscate_addresses,
        pool=settings.engine.senders,
    )


def _gateway(settings: Settings, clock: Clock) -> Channel | None:
    gateway = settings.gateway
    if not gateway.url:
        return None
    return GatewayChannel(
        url=gateway.url,
        secrets=gateway.secrets,
        sender=gateway.sender,
        public_url=gateway.public_url,
        clock=clock,
        pool=settings.engine.senders,
    )


def _mail(settings: Settings, clock: Clock) -> Channel | None:
    mail = settings.mail
    if not mail.host:
        return None
    try:
        return MailChannel(
            host=mail.host,
            port=mail.port,
            security=mail.security,
            certificates=mail.certificates,
            username=mail.username,
            password=mail.password,
            sender=mail.sender,
            sender_name=settings.centre.name,
            clock=clock,
        )
    except SSLError:
        raise SettingsError("mail.certificates: holds none") from None


def _push(settings: Settings, clock: Clock) -> Channel | None:
    push = settings.push
    if not push.contact:
        return None
    return WebPushChannel(
        key=settings.derive("web push"),
        contact=push.contact,
        services=push.services,
        clock=clock,
        pool=settings.engine.senders,
    )
