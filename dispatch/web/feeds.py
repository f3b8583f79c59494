"""Calendars for calendar programs, behind their secret address.

The address is the proof, so there is no sign-in, no cookie and no redirect; a program that has the
present text is told so in a few bytes. Beside noting the fetch, once a minute at most, a GET
changes nothing. What stands in a calendar is for `calendars.feeds`.
"""

import contextlib

import flask
from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from dispatch.calendars import feeds
from dispatch.db import Unavailable
from dispatch.web import session

blueprint = Blueprint("feeds", __name__)


@blueprint.get("/calendars/<token>.ics")
def calendar(token: str) -> ResponseReturnValue:
    """Answer with the calendar behind `token`."""
    now = session.now()
    with session.reading() as opened:
        feed = feeds.feed(opened, token, now)
    if feed is None:
        # Not the screen for people: it would bring a cookie along.
        return flask.Response("There is no calendar here.\n", 404, content_type="text/plain")
    if feed.note_fetch:
        # A busy database may not cost somebody the calendar.
        with contextlib.suppress(Unavailable), session.transaction() as opened:
            feeds.fetched(opened, token, request.user_agent.string, now)
    answer = flask.Response(feed.body, content_type="text/calendar; charset=utf-8")
    answer.set_etag(feed.etag)
    answer.last_modified = feed.last_modified
    answer.headers["Cache-Control"] = "private, max-age=300"
    return answer.make_conditional(request)
