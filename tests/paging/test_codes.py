"""The code that proves an address goes to that address, by the way that it proves."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.channels.contract import Kind
from dispatch.db import Store
from dispatch.outbox import queue
from dispatch.outbox.models import Message, Purpose
from dispatch.paging import telling
from dispatch.people import phones
from dispatch.people.models import MethodKind, Person
from tests import centre

NOW = centre.NOW
#: A browser's, from the examples of RFC 8291.
BROWSER = json.dumps(
    {
        "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/x",
        "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
            "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    }
)


@pytest.mark.parametrize(
    ("kind", "address", "way"),
    [
        (MethodKind.MOBILE, "0470 99 88 77", Kind.SMS),
        (MethodKind.LANDLINE, "053 12 34 56", Kind.CALL),
        (MethodKind.MAIL, "An@zone.example", Kind.MAIL),
        (MethodKind.PUSH, BROWSER, Kind.PUSH),
    ],
)
@pytest.mark.parametrize("language", ["nl", "fr", "sv", "da", "en"])
def test_a_code_goes_by_the_way_that_it_proves(
    store: Store, kind: MethodKind, address: str, way: Kind, language: str
):
    cast = centre.build(store)
    with store.write() as session:
        an = session.get_one(Person, cast.people["An"].id)
        an.language = language
        method = phones.add_method(session, an, kind, address, centre.ADA, NOW)
        telling.code(session, method, "048213", NOW)
        expected = phones.address_of(session, method)
    with store.read() as session:
        (message,) = session.scalars(sa.select(Message))
        text, to = queue.text_of(session, message), queue.address_of(session, message)
    assert (message.kind, message.purpose, to) == (way, Purpose.CODE, expected)
    assert message.expires_at == NOW + timedelta(minutes=15)
    word = {"nl": "CODE", "fr": "CODE", "sv": "KOD", "da": "KODE", "en": "CODE"}[language]
    assert text.startswith(word)
    assert "048213" in text.replace(" ", "")
