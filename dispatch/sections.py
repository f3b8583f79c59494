"""What an installation may choose, section by section, as `config/default.toml` explains it.

Only the shape: what is chosen is read and judged by `settings`, and used by whoever needs it.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Centre:
    """Where the centre is and which languages it speaks."""

    name: str
    country: str
    time_zone: str
    languages: tuple[str, ...]
    language: str


@dataclass(frozen=True)
class Database:
    """Where the rows are."""

    url: str = field(repr=False)
    pool_size: int


@dataclass(frozen=True)
class Web:
    """How screens and hooks are served."""

    host: str
    port: int
    public_url: str
    processes: int
    threads: int
    trusted_proxies: int
    session_idle_minutes: int
    session_days: int


@dataclass(frozen=True)
class Intake:
    """What is accepted from police systems."""

    body_limit: int
    age_seconds: int
    remember_days: int
    authentic_per_minute: int
    forged_per_minute: int
    unseen_seconds: int


@dataclass(frozen=True)
class Paging:
    """What a text says and how it may be answered."""

    plain_yes: bool
    offer_category_number: bool
    link_minutes: int
    text_validity_minutes: int
    send_link: bool
    cancel_tries: int
    case_days: int
    rest_minutes: int
    stranger_answers_per_hour: int
    silent_minutes: int
    appointment_minutes: int
    hand_on_minutes: int


@dataclass(frozen=True)
class Cases:
    """Which reports may tell of one event, and what a dispatcher is asked to do for who goes."""

    alike_minutes: int
    facts_seconds: int
    relief_hours: int


@dataclass(frozen=True)
class Engine:
    """The pace of the engine."""

    senders: int
    sweep_seconds: float
    lease_seconds: int
    receipt_overdue_seconds: int


@dataclass(frozen=True)
class Twilio:
    """The supplier of texts and calls."""

    api_base: str
    account_sid: str
    auth_token: str = field(repr=False)
    sender: str
    more_senders: tuple[str, ...]
    texts_per_second: float
    public_url: str
    obfuscate_addresses: bool


@dataclass(frozen=True)
class Gateway:
    """A second supplier of texts, behind a signed HTTP interface."""

    url: str
    secrets: tuple[str, ...] = field(repr=False)
    sender: str
    texts_per_second: float
    public_url: str


@dataclass(frozen=True)
class Mail:
    """The server that takes our mail."""

    host: str
    port: int
    security: str
    certificates: str
    username: str
    password: str = field(repr=False)
    sender: str


@dataclass(frozen=True)
class Push:
    """Notices to browsers."""

    contact: str
    services: tuple[str, ...]


@dataclass(frozen=True)
class Suppliers:
    """Who is preferred, and when a supplier is no longer trusted."""

    texts: tuple[str, ...]
    faults_in_a_row: int
    window_seconds: int
    unclear_at_least: int
    unclear_share: float
    pause_seconds: int
    check_seconds: int


@dataclass(frozen=True)
class Watchdog:
    """Who outside is told when something is wrong with the centre."""

    mail: tuple[str, ...]
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    ping_url: str = field(repr=False)
    ping_seconds: int
    ring_after_seconds: int


@dataclass(frozen=True)
class Log:
    """What is logged."""

    level: str


@dataclass(frozen=True)
class Demo:
    """The published sign-ins and secrets of a demonstration."""

    enabled: bool
    alert_secret: str = field(repr=False)
    api_key: str = field(repr=False)
    calendar_person: str
    dispatcher: str
    planner: str
    administrator: str
    password: str = field(repr=False)
    step_seconds: int
