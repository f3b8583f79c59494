"""A centre's web with people in each role, and browsers that sign in as they do."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

import argon2
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dispatch import wiring
from dispatch.channels.contract import Channel
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.people import accounts, staff
from dispatch.people.models import Organisation, OrganisationKind, Person, Role
from dispatch.settings import Settings
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests import made_once
from tests.centre import ADA, NOW, Centre, build

made_once.install()

PASSWORD = "vier losse woorden hier"


@cache
def stored_password() -> str:
    """A hash of PASSWORD that is cheap to look at: the costly one has tests of its own."""
    return argon2.PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)


class Browser:
    """A browser with its cookies; forms carry the token of the screen they stand on."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **options) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, form: dict[str, object] | None = None, **options) -> TestResponse:
        data = {"csrf_token": self.form_token(), **(form or {})}
        return self.client.post(path, data=data, **options)

    def form_token(self) -> str:
        """The token of a screen that everybody can open."""
        found = re.search('name="csrf_token" value="([^"]+)"', self.client.get("/no-screen").text)
        assert found is not None, "no form on the screen"
        return found[1]

    def sign_in(self, name: str, password: str = PASSWORD, **fields: str) -> TestResponse:
        return self.post("/sign-in", {"name": name, "password": password, **fields})


class Web:
    """The application around a small centre; another zone, Leie, is beside it."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: ManualClock,
        channels: Mapping[str, Channel] = MappingProxyType({}),
    ) -> None:
        self.store, self.settings, self.clock = store, settings, clock
        self.centre: Centre = build(store)
        with store.write() as session:
            self.leie = Organisation(
                key="leie", name="Zone Leie", kind=OrganisationKind.POLICE_ZONE
            )
            session.add(self.leie)
        self.app = create_app(Parts(settings, store, clock, channels))

    def anonymous(self) -> Browser:
        return Browser(self.app.test_client())

    def add(self, name: str, *roles: Role, zone: Organisation | None = None) -> Person:
        """Add somebody who signs in with the name and PASSWORD."""
        zone = zone or self.centre.organisation
        with self.store.write() as session:
            person = staff.add_person(
                session, zone, name, sign_in=name, language="en", actor=ADA, now=NOW
            )
            person.password_hash = stored_password()
            for role in roles:
                staff.grant(session, person, role, ADA, NOW, organisation=zone)
        return person

    def browser(self, person: Person) -> Browser:
        """A browser on which somebody has signed in already."""
        with self.store.write() as session:
            token = accounts.new_session(session, person.id, self.clock.now())
        browser = self.anonymous()
        with browser.client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = token, True
        return browser

    def as_role(self, *roles: Role, zone: Organisation | None = None) -> Browser:
        """A browser of somebody with these roles in a zone."""
        place = zone or self.centre.organisation
        name = "-".join(role.value for role in roles) or "nobody"
        return self.browser(self.add(f"{name}@{place.key}.example", *roles, zone=zone))


@pytest.fixture
def web(store: Store, settings: Settings, clock: ManualClock) -> Web:
    return Web(store, settings, clock)


@pytest.fixture
def secure_web(store: Store, settings: Settings, clock: ManualClock) -> Web:
    """The same behind https and one proxy."""
    web = replace(settings.web, public_url="https://dispatch.example", trusted_proxies=1)
    return Web(store, replace(settings, web=web), clock)


@pytest.fixture
def notified(store: Store, settings: Settings, clock: ManualClock) -> Web:
    return notified_web(store, settings, clock)


def notified_web(store: Store, settings: Settings, clock: ManualClock) -> Web:
    """A centre that can notify browsers."""
    settings = replace(settings, push=replace(settings.push, contact="mailto:ict@zone.example"))
    return Web(store, settings, clock, wiring.channels(settings, clock))
