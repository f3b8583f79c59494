"""The demonstration as a newcomer meets it: real processes, an alert, a phone, an answer."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from dispatch import settings as settings_
from tests.simulated import SimulatedTwilio, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "config" / "examples"
DEMO = settings_.load({"DISPATCH_CONFIG": str(ROOT / "config" / "demo.toml")}).demo
AN = "+32460200211"
#: How long anything may take on a machine that does much else.
PATIENCE = 60


@dataclass
class Demonstration:
    """A running demonstration."""

    process: subprocess.Popen[str]
    url: str
    environ: dict[str, str]
    phones: SimulatedTwilio
    greeting: str

    def send(self, example: str) -> dict[str, Any]:
        """Send one of the example alerts with the command; return the answer."""
        arguments = ["alert", "send", str(EXAMPLES / example), "--source", "demo-control-room"]
        sent = dispatch(*arguments, "--url", self.url, environ=self.environ)
        assert sent.returncode == 0, sent.stderr
        answer: dict[str, Any] = json.loads(sent.stdout)
        return answer

    def incident(self, reference: str) -> dict[str, Any]:
        """Read an incident as a machine does."""
        headers = {"Authorization": f"Bearer {DEMO.api_key}"}
        address = f"{self.url}/api/v1/incidents/{reference}"
        answer = requests.get(address, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def callout(self, reference: str) -> dict[str, Any]:
        """Read the incident's only callout."""
        found: dict[str, Any] = self.incident(reference)["callouts"][0]
        return found

    def pick_up_and_press(self, number: str, key: str, reference: str) -> None:
        """Press a key whenever a phone rings, until somebody has answered for the incident.

        An earlier incident's call may still be ringing, and the phone is called once at a time.
        """

        def press() -> bool:
            for call in self.phones.messages(number, kind="call", status="ringing"):
                self.phones.press(number, key, call["id"])
            return bool(self.callout(reference)["responders"])

        SimulatedTwilio.wait_until(press, 2 * PATIENCE)

    def wait_for_callout(self, reference: str, status: str) -> None:
        """Wait until the incident's callout is so far."""
        SimulatedTwilio.wait_until(
            lambda: self.callout(reference)["status"] == status,
            PATIENCE,
            lambda: f"not {status}: {self.callout(reference)}",
        )


def environment(data: Path, port: int, step_seconds: int = 3) -> dict[str, str]:
    """Return a newcomer's environment, with every wait cut; 0: as the policies say."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")}
    ours = {"PORT": str(port), "DISPATCH_DATA_DIR": str(data)}
    return plain | ours | {"DISPATCH_DEMO__STEP_SECONDS": str(step_seconds)}


def dispatch(*arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    config = {"DISPATCH_CONFIG": str(ROOT / "config" / "demo.toml")} | environ
    command = [sys.executable, "-m", "dispatch", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=config, capture_output=True, text=True, timeout=PATIENCE
    )


@contextmanager
def started(data: Path, port: int, step_seconds: int = 3) -> Iterator[Demonstration]:
    """Start the demonstration and wait until it greets; end it if the test did not."""
    environ = environment(data, port, step_seconds)
    command = [sys.executable, "-m", "dispatch", "demo"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        greeting = ""
        for line in process.stdout:
            greeting += line
            if "watch the board" in line:
                break
        url = f"http://127.0.0.1:{port}"
        yield Demonstration(process, url, environ, SimulatedTwilio(url), greeting)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        SimulatedTwilio.wait_until(lambda: not living(data), PATIENCE)


def living(data: Path) -> list[int]:
    """Return the processes that work on this data folder."""
    marker, found = f"DISPATCH_DATA_DIR={data}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if marker in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def code_in(body: str) -> str:
    """Return the code that a call-out's text offers."""
    found = re.search(r"JA (\d{3,6})", body)
    assert found is not None, body
    return found[1]


def test_a_newcomer_sees_the_alert_answers_it_and_sees_the_board_change(tmp_path: Path):
    began = time.monotonic()
    with started(tmp_path, free_port()) as demo:
        the_greeting_holds_all_that_is_needed(demo)
        reference = demo.send("fatal_crash.json")["reference"]
        text = demo.phones.wait_for(AN, seconds=PATIENCE, kind="sms")[0]
        assert reference in text["body"]
        demo.phones.reply(AN, f"JA {code_in(text['body'])}")
        demo.wait_for_callout(reference, "accepted")
        assert time.monotonic() - began < 90, "the clone and its packages take half a minute"

        reference = demo.send("sexual_offence.json")["reference"]
        demo.pick_up_and_press(AN, "1", reference)
        demo.wait_for_callout(reference, "accepted")
        (responder,) = demo.callout(reference)["responders"]
        assert responder["person"]["name"] == "An Peeters"
        a_second_start_finds_what_a_hard_kill_left(demo, tmp_path)


def a_second_start_finds_what_a_hard_kill_left(first: Demonstration, data: Path) -> None:
    reference = first.send("house_fire.json")["reference"]
    first.process.kill()
    first.process.wait()
    SimulatedTwilio.wait_until(lambda: not living(data), PATIENCE)
    with started(data, free_port()) as second:
        assert second.incident(reference)["status"] == "open"
        again = second.send("cancel.json")
        assert (again["reference"], again["status"]) == (reference, "cancelled")

        second.process.send_signal(signal.SIGINT)
        assert second.process.wait(PATIENCE) == 0
        assert living(data) == []
        a_real_centre_is_not_served_from_it(second)


def a_real_centre_is_not_served_from_it(demo: Demonstration) -> None:
    default = {"DISPATCH_CONFIG": str(ROOT / "config" / "default.toml")}
    refused = dispatch("serve", environ=demo.environ | default)
    assert refused.returncode == 2
    assert "published passwords" in refused.stderr


def the_greeting_holds_all_that_is_needed(demo: Demonstration) -> None:
    needed = [demo.url, "/phones", DEMO.dispatcher, DEMO.planner, DEMO.administrator, DEMO.password]
    assert [word for word in needed if word not in demo.greeting] == []
    assert any("alert send" in line and "fatal_crash" in line for line in demo.greeting.split("\n"))


def test_a_port_that_is_taken_is_named_in_one_sentence(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = dispatch("demo", environ=environment(tmp_path, port))
    assert refused.returncode == 2
    assert f"port {port} cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr
