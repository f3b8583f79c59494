"""What templates rely on: instants, durations, hostile text, the parts of every screen."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask_babel import Babel
from jinja2 import StrictUndefined

import dispatch
from dispatch.web import screens

ROOT = Path(dispatch.__file__).parent.parent
NIGHT = datetime(2025, 11, 22, 2, 10, 12, tzinfo=UTC)

Write = Callable[..., str]


@pytest.fixture
def app() -> Flask:
    app = Flask(
        "screens",
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "dispatch" / "web" / "static"),
    )
    app.config["BABEL_DEFAULT_TIMEZONE"] = "Europe/Brussels"
    app.jinja_env.undefined = StrictUndefined
    Babel(app)
    screens.install(app)
    return app


@pytest.fixture
def write(app: Flask) -> Iterator[Write]:
    """Render a line of template with the parts at hand."""

    def render(source: str, **context: object) -> str:
        template = app.jinja_env.from_string(
            '{% import "_macros.html" as m with context %}' + source
        )
        return template.render(now=NIGHT, **context)

    with app.test_request_context():
        yield render


def test_an_instant_is_short_to_read_and_exact_to_ask(write: Write) -> None:
    shown = write("{{ m.instant(at) }}", at=NIGHT)
    assert 'datetime="2025-11-22T02:10:12Z"' in shown
    assert ">03:10<" in shown
    assert "Sat 22 Nov 2025 03:10:12" in shown


def test_an_instant_of_another_day_says_the_day(write: Write) -> None:
    before = NIGHT - timedelta(hours=3, minutes=11)
    assert "21 Nov 23:59" in write("{{ m.instant(at) }}", at=before)
    assert ">21 Nov 23:59:12<" in write("{{ m.instant(at, seconds=True) }}", at=before)
    assert ">23:59:12<" in write("{{ m.instant(at, seconds=True, beside=at) }}", at=before)


def test_the_end_of_a_turn_says_the_day_only_when_it_is_another(write: Write) -> None:
    start = datetime(2025, 12, 1, 7, 0, tzinfo=UTC)
    shown = "{{ m.instant(end, beside=start) }}"
    assert ">20:00<" in write(shown, start=start, end=start + timedelta(hours=12))
    assert ">2 Dec 08:00<" in write(shown, start=start, end=start + timedelta(hours=24))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (5100, "1 h 25"),
        (97200, "1 d 3 h"),
    ],
)
def test_an_age_is_written_in_its_two_largest_units(seconds: int, text: str) -> None:
    assert screens.age(NIGHT - timedelta(seconds=seconds), NIGHT) == text


def test_an_instant_ahead_by_a_wrong_clock_has_no_age_yet() -> None:
    assert screens.age(NIGHT + timedelta(seconds=5), NIGHT) == "0 s"


@pytest.mark.parametrize(("seconds", "text"), [(112, "1:52"), (0, "0:00"), (-7, "+0:07")])
def test_time_left_counts_down_and_says_when_it_is_over(seconds: int, text: str) -> None:
    assert screens.left(NIGHT + timedelta(seconds=seconds), NIGHT) == text


@pytest.mark.parametrize(("left", "share"), [(240, 0), (60, 75), (0, 100), (-30, 100), (999, 0)])
def test_the_ring_never_leaves_its_circle(left: int, share: int) -> None:
    assert screens.elapsed_share(NIGHT + timedelta(seconds=left), 240, NIGHT) == share


def test_direction_and_control_marks_are_shown_instead_of_obeyed() -> None:
    assert (
        screens.harmless("call \u202e12 34\u202c\x00\x1b[31m")
        == "call \ufffd12 34\ufffd\ufffd\ufffd[31m"
    )


def test_line_ends_tabs_and_joined_letters_stay() -> None:
    assert screens.harmless("a\r\nb\tc نمی\u200cخواهم") == "a\nb\tc نمی\u200cخواهم"


def test_markup_in_free_text_is_text(write: Write) -> None:
    shown = write("{{ m.free_text(text) }}", text="<script>alert(1)</script>")
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown


def test_a_megabyte_on_one_line_is_folded_and_cut(write: Write) -> None:
    shown = write("{{ m.free_text(text) }}", text="x" * 1_000_000)
    assert len(shown) < 22_000
    assert "<details" in shown
    assert "980000 more characters" in shown


def test_a_field_says_its_hint_and_its_error_to_every_reader(write: Write) -> None:
    form = {"values": {"postcode": "93"}, "errors": {"postcode": "Four digits."}}
    shown = write('{{ m.field(form, "postcode", "Postcode", hint="of the place") }}', form=form)
    assert 'aria-describedby="postcode-hint postcode-error"' in shown
    assert 'aria-invalid="true"' in shown
    assert 'for="postcode"' in shown


def test_a_password_is_never_written_back(write: Write) -> None:
    form = {"values": {"password": "secret"}, "errors": {}}
    assert "secret" not in write('{{ m.field(form, "password", "P", kind="password") }}', form=form)


STATES = (
    "open closed paging unanswered accepted on_the_way on_scene done released cancelled waiting "
    "sent delivered declined withdrawn failed skipped"
).split()


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_word_a_shape_and_a_tone(write: Write, state: str) -> None:
    shown = write("{{ m.state(state) }}", state=state)
    assert "<use href=" in shown
    assert "data-tone=" in shown
    assert shown.rsplit("</svg>", 1)[1].removesuffix("</span>").strip()


def test_only_what_a_person_must_do_is_red(write: Write) -> None:
    red = [state for state in STATES if "critical" in write("{{ m.state(state) }}", state=state)]
    assert red == ["unanswered"]


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = (ROOT / "dispatch/web/static/vendor/lucide/icons.svg").read_text(encoding="utf-8")
    known = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    for template in sorted((ROOT / "templates").rglob("*.html")):
        named = set(re.findall(r'icon\("([\w-]+)"', template.read_text(encoding="utf-8")))
        assert named <= known, template.name


def test_no_template_carries_a_script_or_a_style_of_its_own() -> None:
    inline = re.compile(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=|javascript:|hx-on", re.I)
    # What is attached to a mail is no screen, and must be complete in itself.
    mailed = ROOT / "templates/messages"
    for template in sorted((ROOT / "templates").rglob("*.html")):
        if template.parent == mailed:
            continue
        assert not inline.search(template.read_text(encoding="utf-8")), template.name


def test_a_changed_sheet_gets_a_new_address(app: Flask) -> None:
    with app.test_request_context():
        address = url_for("static", filename="styles/tokens.css")
    assert "?v=" in address
    with app.test_client().get(address) as answer:
        assert answer.status_code == 200
