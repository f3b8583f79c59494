"""What a posted form leads to: its one transaction, then the next screen, or the form once more.

What the core refuses is said beside the fields that it names, with nothing lost; what was done is
only said once it is stored. Reading the fields and what they mean is left to each screen.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import flask
from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import Form


class Done(NamedTuple):
    """What is said when it is stored, and the screen that follows."""

    told: str
    onward: str


def take(form: Form, do: Callable[[Session, Form], Done]) -> ResponseReturnValue | None:
    """Do what was posted and go on; None if nothing was, or if the form says what is wrong."""
    if request.method != "POST":
        return None
    try:
        with session.transaction() as opened:
            done = do(opened, form)
    except (Invalid, Conflict) as error:
        form.refuse(error)
        return None
    # Only now is it true.
    flash(done.told, "done")
    return redirect(done.onward, 303)


def instant(text: str) -> datetime:
    """Read an instant that a screen wrote into its own form; raises Conflict for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Conflict(N_("This is there no longer. Load the screen again."))
    return at


def show(
    template: str, form: Form, facts: Callable[[Session, Form], dict[str, Any]]
) -> ResponseReturnValue:
    """Show a screen with its form, as it was typed and with what is wrong."""
    with session.reading() as opened:
        html = flask.render_template(template, form=form, **facts(opened, form))
    return html, 422 if form.errors else 200
