"""Logs: every record is one line of JSON, and none holds personal data or a token."""

import ast
import io
import json
import logging
import re
import subprocess
import sys
import threading
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import dispatch
from dispatch import logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Configure logging as a process does, and give back afterwards what was there."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("info")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("dispatch").setLevel(logging.NOTSET)


def test_an_event_is_one_line_with_its_fields(lines: Lines) -> None:
    at = datetime(2026, 3, 1, 22, 5, tzinfo=UTC)
    logs.logger("dispatch.outbox").info(
        "message_sent", message="0b6e7a", kind="sms", due_at=at, parts=2, pages=[1, 2], late=None
    )
    (line,) = lines()
    assert datetime.fromisoformat(line.pop("at")).tzinfo == UTC
    assert line == {
        "level": "info",
        "event": "message_sent",
        "logger": "dispatch.outbox",
        "message": "0b6e7a",
        "kind": "sms",
        "due_at": "2026-03-01T22:05:00+00:00",
        "parts": 2,
        "pages": [1, 2],
        "late": None,
    }


def test_a_line_break_cannot_forge_a_second_event(lines: Lines) -> None:
    logs.logger("dispatch").warning("source_unknown", source='x\n{"event": "forged"}')
    assert len(lines()) == 1


def test_the_level_is_kept(lines: Lines) -> None:
    log = logs.logger("dispatch.engine")
    log.debug("looked")
    log.error("supplier_down")
    assert [line["event"] for line in lines()] == ["supplier_down"]


@pytest.mark.parametrize(
    "number",
    ["+32460200200", "+32 460 20 02 00", "+46 (0)70-123 45 67", "0460 20 02 00", "0460/200.200"],
)
def test_telephone_numbers_are_masked_wherever_they_turn_up(lines: Lines, number: str) -> None:
    logs.logger("dispatch").info("tried", to=number, tried=[{"to": f"sms:{number}"}])
    logging.getLogger("library").warning("could not reach %s", number)
    assert re.sub(r"\D", "", number)[-6:] not in re.sub(r'[^\w"]', "", str(lines()))
    assert str(lines()).count("[number]") == 3


def test_fields_of_personal_data_are_withheld_whatever_they_hold(lines: Lines) -> None:
    logs.logger("dispatch").info("opened", name="An Peeters", facts={"narrative": "she said"})
    (line,) = lines()
    assert line["name"] == line["facts"]["narrative"] == "[withheld]"


def test_an_object_is_logged_as_its_type_only(lines: Lines) -> None:
    logs.logger("dispatch").info("opened", person=SyntaxError("An Peeters"))
    assert lines()[0]["person"] == "SyntaxError"


def test_an_exception_is_logged_without_its_text(lines: Lines) -> None:
    def parse() -> None:
        try:
            int("victim: An Peeters")
        except ValueError as error:
            raise LookupError("narrative of An Peeters") from error

    try:
        parse()
    except LookupError:
        logs.logger("dispatch").exception("intake_failed", delivery=12)
    (line,) = lines()
    assert "Peeters" not in str(line)
    assert (line["error"], line["causes"]) == ("LookupError", ["ValueError"])
    assert re.fullmatch(r"[\w.]*test_logs:\d+ parse", line["places"][-1])
    assert line["delivery"] == 12


def test_an_uncaught_exception_of_a_thread_is_a_line_too(lines: Lines) -> None:
    def fail() -> None:
        raise RuntimeError("An Peeters")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    assert [(line["event"], line["error"]) for line in lines()] == [
        ("uncaught", "RuntimeError")
    ] * 2
    assert "Peeters" not in str(lines())


def test_libraries_are_quoted_from_warnings_on_and_without_addresses(lines: Lines) -> None:
    library = logging.getLogger("twilio.http_client")
    library.info("POST Body: an SMS")
    library.warning("slow: /people/find?q=Peeters and /go/%s", "aBcDeFgHiJkLmNoPqRsTuVw")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("a warning", UserWarning, stacklevel=1)
    first, second = lines()
    assert first["event"] == "slow: /people/find?[query] and /go/[token]"
    assert second["logger"] == "py.warnings"


def test_a_broken_record_of_a_library_is_still_a_line() -> None:
    record = logging.LogRecord("library", logging.ERROR, "", 0, "%d left", ("An Peeters",), None)
    assert json.loads(logs.JsonLines().format(record))["event"] == "unprintable"


def test_gunicorn_writes_the_same_lines_and_no_tokens(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Length', '2')])\n"
        "    return [b'ok']\n"
    )
    (tmp_path / "gunicorn.conf.py").write_text(
        "from dispatch import logs\n"
        "logconfig_dict = logs.config('info')\n"
        "bind = '127.0.0.1:0'\n"
        "control_socket_disable = True\n"
    )
    token = "qLmNoPqRsTuVwXyZaBcDeFg"
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "app:app"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(dispatch.__file__).parent.parent)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        heard = [json.loads(server.stderr.readline())]
        while "Listening at: " not in heard[-1]["event"]:
            heard.append(json.loads(server.stderr.readline()))
        address = heard[-1]["event"].split()[2]
        for path in (f"/calendars/{token}.ics", f"/go/{token}?q=Peeters"):
            with urllib.request.urlopen(address + path, timeout=10) as answer:
                assert answer.read() == b"ok"
    finally:
        server.terminate()
        rest = server.communicate(timeout=10)[1]
    requests = [
        line for line in map(json.loads, rest.splitlines()) if line["logger"] == "gunicorn.access"
    ]
    assert token not in rest
    assert "Peeters" not in rest
    assert [(line["method"], line["path"], line["status"]) for line in requests] == [
        ("GET", "/calendars/[token].ics", "200"),
        ("GET", "/go/[token]", "200"),
    ]


def _log_calls() -> Iterator[tuple[str, ast.Call]]:
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    for path in sorted(Path(dispatch.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level)) if (
                    level in levels
                ):
                    yield f"{path.name}:{node.lineno}", node


def test_every_event_of_ours_is_a_word_and_no_field_is_named_after_personal_data() -> None:
    calls = list(_log_calls())
    assert calls
    for place, call in calls:
        event = call.args[0] if len(call.args) == 1 else None
        assert isinstance(event, ast.Constant), f"{place}: an event is one constant word"
        assert re.fullmatch(r"[a-z_]+", str(event.value)), f"{place}: {event.value!r} is no word"
        withheld = {keyword.arg for keyword in call.keywords} & logs.WITHHELD
        assert not withheld, f"{place}: {withheld} may hold personal data"
