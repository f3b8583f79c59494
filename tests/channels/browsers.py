"""A browser that subscribed, and the push service that it named: takes notices and opens them."""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask, Response, request

from tests.simulated import served


@dataclass
class Notice:
    """What came for a browser."""

    document: dict[str, Any]
    """Opened with the browser's own key."""
    headers: Mapping[str, str]
    claims: dict[str, Any]
    """Who says to have sent it, as the signature proves."""
    body: bytes


@dataclass
class PushService:
    """The service, and the one browser behind it."""

    url: str = ""
    notices: list[Notice] = field(default_factory=list)
    answer: tuple[int, dict[str, str]] = (201, {})
    _key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    _auth: bytes = field(default_factory=lambda: os.urandom(16))

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator["PushService"]:
        """Start it in a thread."""
        service = cls()
        with served(service._app()) as service.url:
            yield service

    def subscription(self, **other: Any) -> str:
        """Return what the browser gives to whoever may notify it."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": _text(point), "auth": _text(self._auth)}
        endpoint = f"{self.url}/push/a-browser"
        return json.dumps({"endpoint": endpoint, "expirationTime": None, "keys": keys, **other})

    def _app(self) -> Flask:
        app = Flask(__name__)

        @app.post("/push/<browser>")
        def take(browser: str) -> Response:
            status, headers = self.answer
            if status == 201:
                self.notices.append(self._open(request.data, dict(request.headers)))
            return Response("", status, headers)

        return app

    def _open(self, body: bytes, headers: dict[str, str]) -> Notice:
        opened = http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth)
        scheme, _, rest = headers["Authorization"].partition(" ")
        proof = dict(part.split("=", 1) for part in rest.split(","))
        assert scheme == "vapid"
        point = base64.urlsafe_b64decode(proof["k"] + "==")
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        claims = jwt.decode(
            proof["t"], key, ["ES256"], audience=self.url, options={"verify_exp": False}
        )
        return Notice(json.loads(opened), headers, claims | {"key": proof["k"]}, body)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
