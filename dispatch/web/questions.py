"""The administrator's screen of what is asked before an officer drives, by kind of incident.

A kind begins with the general questions, or has its own; each is worded in one language or more and
may say what of an alert answers it already. The same for every organisation, as is who is wanted.
What a change means for incidents that run is left to `incidents.asking`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flask
from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.incidents import asking, briefing, catalogue
from dispatch.incidents.case_models import Question
from dispatch.incidents.models import Category
from dispatch.paging import sentences
from dispatch.people.access import Right
from dispatch.texts import N_
from dispatch.web import case, session, wanted
from dispatch.web.board import language
from dispatch.web.forms import Form
from dispatch.web.posted import Done, show, take

blueprint = Blueprint("questions", __name__)

_TELLS = {
    "knows_already": N_("who of them knows already"),
    "meeting_point": N_("the meeting point"),
    "call_back": N_("the number of whoever asks"),
    **sentences.FLAGS,
}
_LONGEST = 200


@blueprint.route("/wanted/questions", methods=["GET", "POST"])
def shown() -> ResponseReturnValue:
    """Show what is asked of a kind of incident, and keep what was changed."""
    session.viewer().require(Right.POLICY_READ)
    posted = flask.request.method == "POST"
    form = Form(flask.request.form if posted else flask.request.args)
    return (take(form, _keep) if posted else None) or show("admin/questions.html", form, _facts)


def _keep(opened: Session, form: Form) -> Done:
    session.viewer().require(Right.POLICY_CHANGE)
    wanted.require_general(opened)
    kind = _kind(opened, form)
    do = form.one_of("do", _ACTIONS)
    form.check()
    _ACTIONS[do](opened, kind, form)
    told = gettext("Kept. It holds for what is reported from now on.")
    return Done(str(told), url_for("questions.shown", kind=kind.key if kind else ""))


def _kind(opened: Session, form: Form) -> Category | None:
    """Return the kind of incident that is looked at; None: the general questions."""
    kinds = {one.key: one for one in catalogue.in_use(opened)}
    return kinds.get(form.one_of("kind", kinds, required=False))


def _number(form: Form) -> int:
    return form.number("question", 1, 999_999_999) or 0


def _worded(form: Form) -> tuple[dict[str, str], str]:
    names = {code: form.text(f"words-{code}", most=_LONGEST) for code, _ in _languages()}
    told_by = form.one_of("told_by", asking.TELLS, required=False)
    form.check()
    return names, told_by


def _add(opened: Session, kind: Category | None, form: Form) -> None:
    asking.add(opened, kind, *_worded(form), session.actor(), session.now())


def _change(opened: Session, kind: Category | None, form: Form) -> None:
    worded = _worded(form)
    asking.change(opened, kind, _number(form), *worded, session.actor(), session.now())


def _remove(opened: Session, kind: Category | None, form: Form) -> None:
    asking.remove(opened, kind, _number(form), session.actor(), session.now())


def _up(opened: Session, kind: Category | None, form: Form) -> None:
    asking.move(opened, kind, _number(form), True, session.actor(), session.now())


def _down(opened: Session, kind: Category | None, form: Form) -> None:
    asking.move(opened, kind, _number(form), False, session.actor(), session.now())


def _begin(opened: Session, kind: Category | None, _form: Form) -> None:
    if kind is not None:
        asking.begin(opened, kind, session.actor(), session.now())


_ACTIONS: Mapping[str, Callable[[Session, Category | None, Form], None]] = {
    "add": _add,
    "change": _change,
    "remove": _remove,
    "up": _up,
    "down": _down,
    "begin": _begin,
}


def _languages() -> Sequence[tuple[str, str]]:
    codes = session.parts().settings.centre.languages
    return [(code, case.language_name(code)) for code in codes]


def _facts(opened: Session, form: Form) -> dict[str, Any]:
    kind = _kind(opened, form)
    own = asking.listed(opened, kind.id if kind is not None else None)
    # What was typed stays where it was typed.
    typed = form.values.get("question", "") if form.values.get("do") == "change" else ""
    kinds = [("", gettext("every kind without questions of its own"))]
    kinds += [(one.key, catalogue.name(one, language())) for one in catalogue.in_use(opened)]
    general = asking.listed(opened, None) if kind is not None and not own else ()
    return {
        "kinds": kinds,
        "kind": kind.key if kind is not None else "",
        "questions": [_shown(one, form if typed == str(one.id) else None) for one in own],
        "general": [briefing.words(one.names, language()) for one in general],
        "added": form if form.values.get("do") == "add" else Form(),
        "languages": _languages(),
        "tells": [(key, gettext(words)) for key, words in _TELLS.items()],
        "may_change": wanted.may_general(opened),
        "most": asking.MOST,
    }


def _shown(one: Question, typed: Form | None) -> dict[str, Any]:
    """Return a question with a form of its own."""
    own = Form(told_by=one.told_by, **{f"words-{code}": said for code, said in one.names.items()})
    words = briefing.words(one.names, language())
    return {"id": one.id, "words": words, "form": typed or own}
