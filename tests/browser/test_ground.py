"""The ground of the browser tests: it sees the faults that it is there to see."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.browser.screens import Watch, accessibility_faults, picture

_SOUND = """<!doctype html><html lang="en"><title>Board</title>
<main><h1>Board</h1><label>Code <input name="code"></label></main></html>"""

_UNSOUND = """<!doctype html><html lang="en"><title>Board</title>
<img src="/missing.png"><input name="code">
<script>document.title = "not allowed"</script><script src="https://example.com/a.js"></script>
</html>"""


class _Screens(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = {"/sound": _SOUND, "/unsound": _UNSOUND}.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Security-Policy", "default-src 'self'")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Screens) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_sound_screen_has_no_faults(screen: Page, address: str):
    screen.goto(f"{address}/sound")
    assert accessibility_faults(screen) == []


def test_faults_of_an_unsound_screen_are_seen(browser: Browser, address: str):
    screen = browser.new_page()
    watch = Watch(screen)
    screen.goto(f"{address}/unsound")
    seen = "\n".join([*watch.faults, *accessibility_faults(screen)])
    screen.close()
    assert "404" in seen
    assert "inline script" in seen
    assert "https://example.com/a.js" in seen
    assert "label:" in seen
    assert "image-alt:" in seen


def test_a_picture_is_kept_where_somebody_wants_it(
    screen: Page, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    screen.goto(f"{address}/sound")
    monkeypatch.delenv("TEST_PICTURES", raising=False)
    picture(screen, "board")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("TEST_PICTURES", str(tmp_path))
    picture(screen, "board")
    assert (tmp_path / "board.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_browser_one_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "DEBIAN", tmp_path / "none")
    monkeypatch.setattr(chromium, "UNPACKED", tmp_path)
    with pytest.raises(LookupError, match="apt-get install chromium"):
        chromium.find()


def test_the_named_browser_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    own = tmp_path / "own"
    monkeypatch.setenv("CHROMIUM", str(own))
    with pytest.raises(LookupError, match="no program"):
        chromium.find()
    own.touch(mode=0o755)
    assert chromium.find() == own
