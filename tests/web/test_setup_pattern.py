"""The form of a pattern of turns: every preset can be put together and taken apart in it."""

from html.parser import HTMLParser

import pytest
import sqlalchemy as sa

from dispatch.people.models import Role
from dispatch.rota import patterns, presets
from dispatch.rota.models import TeamPattern
from tests.web.conftest import Browser, Web
from tests.web.rotas import text

PATH = "/rota/support/setup/pattern"
FROM = "2026-04-01"


class _Fields(HTMLParser):
    """The fields of a screen as a browser sends them; only those of a document have a dot."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self._send(self._select, given["value"])
        elif tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self._send(name, given.get("value", ""))

    def _send(self, name: str, value: str) -> None:
        if "." in name or name in ("valid_from", "name"):
            self.sent.setdefault(name, []).append(value)


@pytest.fixture
def planner(web: Web) -> Browser:
    return web.as_role(Role.PLANNER)


def fields(answer) -> dict[str, list[str]]:
    return _Fields(answer.text).sent


def press(planner: Browser, typed: dict, action: str, **more: object):
    return planner.post(PATH, {**typed, **more, "do": action})


def stored(web: Web) -> dict:
    with web.store.read() as session:
        return session.scalars(sa.select(TeamPattern)).one().document


def test_every_preset_goes_through_the_form_unchanged(web, planner):
    for key, preset in presets.presets(web.settings.config_dir, "patterns").items():
        typed = fields(planner.get(PATH, query_string={"preset": key}))
        if key == "irregular":
            # It comes without a turn: those have dates of their own.
            typed = fields(press(planner, typed, "add lines.0.turns.0.windows"))
            typed["lines.0.turns.0.windows.0.starts"] = ["2026-04-07T10:00"]
            typed["lines.0.turns.0.windows.0.ends"] = ["2026-04-07T18:00"]
        saved = press(planner, typed, "save", valid_from=FROM)
        assert saved.status_code == 303, text(saved)
        assert fields(planner.get(PATH)) == {**typed, "valid_from": [FROM]}, key
        if key != "irregular":
            assert patterns.read(stored(web)) == patterns.read(preset.document), key


def test_a_pattern_is_put_together_from_nothing_and_nothing_is_stored_before(web, planner):
    an, bert = (web.centre.people[name].id for name in ("An", "Bert"))
    typed = fields(press(planner, {}, "add lines", valid_from=FROM))
    for action in ("lines.0.turns week", "lines.0.qualifications", "lines.0.rotations"):
        typed = fields(press(planner, typed, f"add {action}"))
    typed["lines.0.key"] = ["primary"]
    typed["lines.0.qualifications.0.qualification"] = ["bad_news"]
    typed["lines.0.turns.1.starts"] = ["09:30"]
    typed = fields(press(planner, typed, "remove lines.0.turns.0"))
    order = [value for name, [value] in typed.items() if ".order." in name]
    typed = fields(press(planner, typed, f"up lines.0.rotations.0.order.{order.index(str(bert))}"))
    with web.store.read() as session:
        assert session.scalars(sa.select(TeamPattern)).all() == []
    # A person is taken out by choosing nobody; the others close up.
    last = max(name for name in typed if ".order." in name)
    typed[last] = [""]
    shown = press(planner, typed, "look")
    assert "09:30–Mon 13 Apr 09:30" in text(shown).replace(" ", " ")
    assert press(planner, fields(shown), "save").status_code == 303
    [line] = stored(web)["lines"]
    assert line["qualifications"] == [{"qualification": "bad_news"}]
    assert line["turns"] == [{"form": "week", "kind": "week", "starts": "09:30", "rests": True}]
    assert line["rotations"][0]["since"] == FROM
    assert line["rotations"][0]["order"][:2] == [bert, an]


def test_what_cannot_be_used_is_named_with_its_place_and_nothing_typed_is_lost(web, planner):
    typed = fields(planner.get(PATH, query_string={"preset": "day24"}))
    typed |= {"lines.0.turns.0.starts": ["25:99"], "lines.1.people": ["many"]}
    for action in ("save", "look"):
        refused = press(planner, typed, action)
        assert refused.status_code == 422
        assert 'id="lines.0.turns.0.starts-error"' in refused.text
        assert 'value="25:99"' in refused.text
        said = text(refused)
        assert "Line 1, turn 1, from : A time is expected, such as 08:00" in said
        assert "Line 2, people : A whole number is expected" in said
    with web.store.read() as session:
        assert session.scalars(sa.select(TeamPattern)).all() == []


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("lines.0.turns.0.on", "", "lines.0.turns.0.on"),
        ("lines.0.rotations.0.order.0", "987654", "lines.0.rotations.0.order.0"),
        ("lines.0.qualifications.0.qualification", "flying", "qualification"),
        ("lines.0.turns.0.ends", "08:00:01", "lines.0.turns.0.ends"),
    ],
)
def test_what_is_not_there_is_refused_beside_its_field(planner, name, value, where):
    typed = fields(planner.get(PATH, query_string={"preset": "day24"}))
    refused = press(planner, {**typed, name: [value]}, "save")
    assert refused.status_code == 422
    assert f'{where}-error"' in refused.text


def test_a_row_that_is_not_there_is_a_sentence_and_no_fault_of_the_server(planner):
    typed = fields(planner.get(PATH, query_string={"preset": "day24"}))
    for action in ("remove lines.7", "up lines.x", "add nothing", "add lines.0.turns sideways"):
        answer = press(planner, typed, action)
        assert answer.status_code == 422
        assert "This is there no longer" in answer.text


def test_what_nobody_can_fill_is_said_below_the_form(planner):
    typed = fields(planner.get(PATH, query_string={"preset": "zones-by-week"}))
    typed["lines.0.qualifications.0.qualification"] = ["bad_news"]
    typed["lines.0.qualifications.0.count"] = ["1"]
    said = text(press(planner, typed, "look"))
    assert "Nobody of the team is of the unit zone 1" in said
