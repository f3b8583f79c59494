"""The four plain errors that the core raises.

Each carries a sentence for people that says what to do, and names the fields it is about, so that
a form can show it beside the field and a machine gets a problem document. What a stranger may not
know is never put into one of these: the edges show them as they are.
"""


class DispatchError(Exception):
    """An expected refusal; `str(error)` is a sentence fit to be shown."""

    def __init__(self, message: str, **fields: str) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class Invalid(DispatchError):
    """What was sent cannot be used; `fields` says why by field name (422, or a form's errors)."""


class Refused(DispatchError):
    """The actor may not do this (403)."""


class NotFound(DispatchError):
    """No such thing, or none that the actor may know of (404)."""


class Conflict(DispatchError):
    """Somebody was faster, or the state no longer allows it (409)."""
