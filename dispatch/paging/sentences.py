"""Timeline rows, alarms and reasons as sentences that a dispatcher understands (pure).

A row keeps a kind and facts; the sentence is made when somebody reads it, in the reader's language.
A kind that nobody wrote a sentence for is shown by its name rather than hidden.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from dispatch import texts
from dispatch.paging import case_sentences, standing_sentences
from dispatch.texts import N_

_SENTENCES = {
    "received": N_("Alert received from %(source)s."),
    "received_late": N_("Alert received from %(source)s; it happened %(late)s earlier."),
    "flag_wants": N_("%(team)s is called because of a flag: %(flag)s."),
    "waits_for_morning": N_("Quiet hours: nobody is called before %(begins)s."),
    "waits_for_appointment": N_("By appointment: people are called from %(begins)s on."),
    "begins_now": N_("%(by)s decided that it cannot wait: people are called now."),
    "no_area": N_("The place is in no known area: %(teams)s paged by default."),
    "no_place": N_("No place was given: taken as the source's own area."),
    "unclassified": N_("The kind of incident is not known: %(teams)s paged by default."),
    "no_team": N_("No team serves this kind of incident here: %(teams)s paged by default."),
    "problems": N_("Could not be used and was left out: %(fields)s."),
    "delivery_clash": N_("%(source)s used the id of this alert again for other content: refused."),
    "updated": N_("The report was updated: %(fields)s."),
    "updated_nothing": N_("The report was updated; nothing changed that decides who goes."),
    "cancelled": N_("Cancelled."),
    "cancelled_before": N_("The cancellation came before the alert: nobody is paged."),
    "closed": N_("Closed."),
    "acknowledged": N_("%(by)s has seen: %(alarm)s"),
    "note": N_("Note by %(by)s."),
    "recorded": N_("Recorded afterwards by %(by)s: %(person)s went. Nobody was paged."),
    "paging": N_("Paging %(person)s (%(team)s): %(reason)s"),
    "skipped": N_("%(person)s passed over (%(team)s): %(reason)s"),
    "asked_already": N_("The next step adds nobody of %(team)s; asked already: %(asked)s."),
    "adds_nobody": N_("The next step adds nobody of %(team)s."),
    "gap": N_("Nobody is on duty on line %(line)s of %(team)s%(absent)s."),
    "nobody_on_duty": N_("Nobody is on duty in %(team)s: paging its nobody-on-duty list."),
    "nobody_qualified": N_("Nobody trained for this can be reached in %(team)s: paging the best."),
    "nobody_at_all": N_("Nobody in %(team)s can be reached at all. Ring yourself."),
    "everybody_declined": N_("Nobody of %(team)s is left to be called: everybody has said no."),
    "still_nobody": N_("Tried again: nobody of %(team)s is left to be called."),
    "outside_hours": N_("%(team)s is outside its hours%(contact)s."),
    "ringing_control_room": N_("Nobody has accepted: ringing the control room."),
    "no_control_room": N_(
        "Nobody has accepted, and there is no number of a control room to ring: ring yourself."
    ),
    "control_room_heard": N_("The control room confirmed that it has heard."),
    "sent": N_("%(channel)s to %(person)s sent."),
    "delivered": N_("Text delivered to %(person)s."),
    "picked_up": N_("%(person)s's phone was picked up; this is no answer yet."),
    "failed": N_("%(channel)s to %(person)s failed (%(code)s)."),
    "not_yet": N_("%(channel)s to %(person)s not taken yet (%(code)s): trying again."),
    "unclear": N_("Whether the %(channel)s to %(person)s left is not known yet (%(code)s)."),
    "blocked": N_("%(person)s texted a stop word: the supplier refuses texts until START."),
    "called_in": N_("%(person)s called in and heard the call-out."),
    "dialled_in": N_(
        "%(source)s reported it by telephone: category and number only, and waits for whoever goes."
    ),
    "opened": N_("%(person)s opened the link."),
    "accepted": N_("%(person)s goes (%(via)s)%(expected)s."),
    "late_yes": N_("%(person)s would go (%(via)s), but the call-out was over: told so."),
    "taken": N_("%(person)s would go too (%(via)s), but the place was taken."),
    "declined": N_("%(person)s cannot (%(via)s)."),
    "withdrew": N_("%(person)s withdrew after accepting (%(via)s): paging again."),
    "released": N_("%(person)s was released by %(by)s: paging again."),
    "on_the_way": N_("%(person)s is on the way."),
    "on_scene": N_("%(person)s is on scene."),
    "done": N_("%(person)s is done."),
    "silent": N_("%(person)s accepted and has not said to be on the way: ring."),
    "not_there": N_("%(person)s has not said to be there: ring."),
    "welfare_asked": N_("%(person)s was asked whether all is well."),
    "welfare_well": N_("%(person)s: all is well."),
    "welfare": N_("%(person)s has not answered whether all is well: ring."),
    "not_well": N_("%(person)s answered that not all is well: ring at once."),
    "handing_on": N_("%(by)s asks %(to)s to take over from %(person)s."),
    "handed_on": N_("%(to)s takes over from %(person)s, who is free."),
    "hand_on_refused": N_("%(to)s does not take over: %(person)s still goes."),
    "nobody_takes_over": N_("%(person)s wants to hand on, and there is nobody to ask: still goes."),
    "hand_on_off": N_("%(by)s called it off: %(person)s goes on, %(to)s is not asked any more."),
    "told_learner": N_("%(person)s, who learns, is told that %(with)s goes."),
    "comes_along": N_("%(person)s comes along to learn."),
    "stays": N_("%(person)s does not come along."),
    "spoken_to": N_("%(by)s has spoken to %(person)s."),
    "unclear_reply": N_("%(person)s answered in own words: read them and ring back."),
    "strange_number": N_("The right code came from an unknown number: refused. Ring %(person)s."),
    "wrong_code": N_("%(person)s answered with a code that is not open."),
    "told_taken": N_("%(person)s told that the call-out is taken."),
    "told_over": N_("%(person)s told that the call-out is over."),
    "told_update": N_("%(person)s told that the report has changed."),
    "told_cancelled": N_("Telling %(person)s that the call-out is cancelled."),
    "cancel_confirmed": N_("%(person)s confirmed the cancellation."),
    "cancel_told": N_("%(by)s told %(person)s that the call-out is cancelled."),
    "cancel_unheard": N_(
        "%(person)s was told %(times)s times of the cancellation and did not confirm it."
    ),
    "only_away": N_("Nobody else of %(team)s is left: paging those who are away."),
    "unanswered": N_("Nobody of %(team)s has accepted. Trying everybody again."),
    "repeated": N_("Trying everybody of %(team)s again."),
    "filled": N_("%(team)s: everybody wanted is going."),
    "correction_lacks": N_(
        "%(person)s is going but does not hold %(qualification)s: keep, add or replace?"
    ),
    "stood_down": N_("%(team)s stood down by %(by)s."),
    "called_again": N_("%(by)s calls %(team)s again: %(people)s wanted."),
    "more_wanted": N_("%(by)s asks for %(people)s of %(team)s."),
    "stuck": N_("Paging stopped by a fault of this system: it is tried again every ten seconds."),
    **case_sentences.TOLD,
    "repaged": N_("The report changed before anybody accepted: paging from the start."),
    **standing_sentences.TOLD,
}

#: What a person must do, by the kind of an alarm.
_ALARMS = {
    "only_away": N_("Only people who are away are left of %(team)s: ring somebody yourself."),
    "unanswered": N_("Nobody of %(team)s has accepted: ring somebody, or page someone else."),
    "everybody_declined": N_("Everybody of %(team)s has said no: ring somebody yourself."),
    "still_nobody": N_("Tried again, and nobody of %(team)s is left: ring somebody yourself."),
    "nobody_wanted": N_("Nobody is asked to go: choose a team."),
    "nobody_on_duty": N_("Nobody is on duty in %(team)s: its nobody-on-duty list is being paged."),
    "nobody_qualified": N_(
        "Nobody trained for this can be reached in %(team)s: the best there is is paged."
    ),
    "nobody_at_all": N_("Nobody in %(team)s can be reached: ring somebody yourself."),
    "withdrew": N_("%(person)s was going and cannot: others of %(team)s are paged again."),
    "silent": N_("%(person)s accepted and has not said to be on the way: ring, and note it."),
    "not_there": N_("%(person)s has not said to be there: ring, and note it."),
    "hand_on_refused": N_("%(to)s does not take over, and %(person)s wanted to hand on: ring."),
    "nobody_takes_over": N_("%(person)s wants to hand on, and there is nobody to ask: ring."),
    "welfare": N_("%(person)s does not answer whether all is well: ring, send help if in doubt."),
    "not_well": N_("%(person)s says that not all is well: ring at once, send help if in doubt."),
    "unclear_reply": N_("%(person)s answered in own words: read it and ring back."),
    "strange_number": N_("The right code came from an unknown number: ring %(person)s."),
    "correction": N_(
        "The report changed: %(person)s goes but does not hold %(qualification)s. Keep, or add one?"
    ),
    "cancel_unconfirmed": N_("%(person)s has not confirmed the cancellation: ring."),
    "cancel_unheard": N_(
        "%(person)s has not confirmed the cancellation after %(times)s texts and calls: ring."
    ),
    "no_match": N_("Place or kind was not understood: look whether the right team is paged."),
    "cancelled_before": N_("The cancellation came before the alert: nobody is paged. Is it right?"),
    "updated_after_end": N_(
        "An update came after the end: look whether somebody must go after all."
    ),
    "stuck": N_("Paging stopped by a fault of this system: ring somebody yourself."),
    "phone_unreadable": N_(
        "A phone of %(person)s could not be read: enter its number again, and ring."
    ),
    "unreadable": N_("An alert that could not be read: open the delivery, or ring its sender."),
    **standing_sentences.ALARMS,
    **case_sentences.ALARMS,
}

_REASONS = {
    "primary": N_("primary until %(until)s%(covering)s"),
    "backup": N_("backup until %(until)s%(covering)s"),
    "on_line": N_("on %(line)s until %(until)s%(covering)s"),
    "everyone": N_("trained for this and in the team"),
    "member": N_("not on duty"),
    "nobody_list": N_("on the nobody-on-duty list"),
    "named": N_("named by the policy"),
    "team": N_("on duty in %(team)s"),
    "comes_along": N_("learns beside %(with)s"),
    "takes_over": N_("asked to take over from %(from)s"),
    "by_hand": N_("chosen by %(by)s"),
    "control_room": N_("control room"),
    "lapsed": N_("certificate for %(qualification)s lapsed %(on)s"),
    "revoked": N_("certificate for %(qualification)s revoked %(on)s"),
    "not_yet": N_("certificate for %(qualification)s begins %(on)s"),
    "none": N_("does not hold %(qualification)s"),
    "away": N_("is away"),
    "although_away": N_("away, but nobody else is left"),
    "away_until": N_("is away until %(on)s"),
    "no_method": N_("has no verified phone"),
    "unusable": N_("the phone cannot be reached"),
    "unreadable": N_("their phone could not be read"),
    **standing_sentences.REASONS,
    **case_sentences.REASONS,
}

#: What the codes of suppliers and our own mean for whoever waits for an answer.
_CODES = {
    "21211": N_("not a valid number"),
    "21408": N_("the supplier may not text this country"),
    "21610": N_("the owner texted STOP"),
    "21611": N_("the supplier's queue is full"),
    "21612": N_("the supplier cannot reach this number"),
    "21614": N_("a landline takes no texts"),
    "21635": N_("a landline takes no texts"),
    "30001": N_("the supplier's queue is full"),
    "30003": N_("the phone is off or out of reach"),
    "30005": N_("the number does not exist"),
    "30006": N_("a landline, or a carrier out of reach"),
    "30007": N_("the carrier filtered it"),
    "30008": N_("the carrier does not say why"),
    "30036": N_("not delivered in time"),
    "address": N_("not a valid number"),
    "busy": N_("the line was busy"),
    "canceled": N_("called off before it rang"),
    "certificate": N_("the server did not prove who it is"),
    "connection": N_("the supplier could not be reached"),
    "expired": N_("not sent in time"),
    "failed": N_("the carrier could not connect it"),
    "gone": N_("the browser takes no more notices"),
    "no-answer": N_("nobody picked up"),
    "nonsense": N_("the supplier's answer made no sense"),
    "smtp-unsafe": N_("the server offers no encryption"),
    "timeout": N_("the supplier did not answer in time"),
    "unknown-number": N_("not a valid number"),
    "undelivered": N_("the carrier could not deliver it"),
}

_CHANNELS = {
    "sms": N_("Text"),
    "call": N_("Call"),
    "mail": N_("Mail"),
    "push": N_("Notice to the browser"),
    "link": N_("link"),
    "screen": N_("screen"),
    **standing_sentences.VIA,
}
#: What a report may say beside its kind.
FLAGS = {
    "children_present": N_("children present"),
    "protected_identity": N_("protected identity"),
    "suspect_at_large": N_("suspect at large"),
    "deceased_identified": N_("deceased identified"),
    "second_officer": N_("a second officer is needed"),
    "magistrate_limits": N_("magistrate limits what may be said"),
    "suspect_side": N_("for the suspect's side: nobody who goes to the victim"),
}
_LATE_FROM_SECONDS = 600
_HOUR = 3600


def sentence(
    kind: str, facts: Mapping[str, Any], language: str, time_zone: str = "Europe/Brussels"
) -> str:
    """Return what happened as one sentence."""
    values = _values(facts, language, time_zone)
    if kind == "received" and facts.get("late_seconds", 0) >= _LATE_FROM_SECONDS:
        kind = "received_late"
    if kind == "updated" and not facts.get("fields"):
        kind = "updated_nothing"
    template = _SENTENCES.get(kind)
    if template is None:
        return kind
    return texts.say(language, template) % values


def alarm(facts: Mapping[str, Any], language: str, time_zone: str = "Europe/Brussels") -> str:
    """Return what a person must act on as one sentence."""
    kind = str(facts.get("kind", ""))
    template = _ALARMS.get(kind)
    return texts.say(language, template) % _values(facts, language, time_zone) if template else kind


def reason(facts: Mapping[str, Any], language: str, time_zone: str = "Europe/Brussels") -> str:
    """Return why somebody was paged or passed over."""
    template = _REASONS.get(str(facts.get("kind", "")))
    if template is None:
        return ""
    said = texts.say(language, template) % _values(facts, language, time_zone)
    if facts.get("holds"):
        held = _in_language(facts["holds"], language)
        said += texts.say(language, N_(", holds %(qualification)s"), qualification=held)
    clocks = {
        name: _clock_time(str(facts[name]), time_zone, language)
        for name in ("busy", "rests")
        if facts.get(name)
    }
    said += "".join(f", {one}" for one in standing_sentences.beside(facts, language, clocks))
    if facts.get("declined"):
        said += texts.say(language, N_(", said no before"))
    return said


def channel(kind: str, language: str) -> str:
    """Return what a way of telling somebody is called."""
    return texts.say(language, _CHANNELS.get(kind, kind))


def code(word: str, language: str) -> str:
    """Return what a supplier's code means, with the code; our own words need none."""
    meaning = _CODES.get(word)
    if meaning is None:
        return word or texts.say(language, N_("no reason given"))
    said = texts.say(language, meaning)
    return f"{said}, {word}" if word.isdigit() else said


def _in_language(value: object, language: str) -> str:
    """A name kept in several languages is read in one."""
    if isinstance(value, Mapping) and "en" in value:
        value = value.get(language) or value["en"]
    return str(value)


class _Facts(dict[str, str]):
    """Facts by name; one that an old row does not have is left empty."""

    def __missing__(self, key: str) -> str:
        return ""


def _values(facts: Mapping[str, Any], language: str, time_zone: str) -> _Facts:
    given = {key: value for key, value in facts.items() if value is not None}
    values = _Facts({key: _in_language(value, language) for key, value in given.items()})
    for key, worded in (("reason", reason), ("alarm", alarm)):
        if isinstance(facts.get(key), Mapping):
            values[key] = worded(facts[key], language, time_zone)
    if facts.get("flag") in FLAGS:
        values["flag"] = texts.say(language, FLAGS[facts["flag"]])
    for key in ("until", "expected", "begins"):
        if facts.get(key):
            values[key] = _clock_time(str(facts[key]), time_zone, language)
    if facts.get("on"):
        day = date.fromisoformat(str(facts["on"]))
        values["on"] = format_date(day, "d MMM y", locale=language)
    if "code" in facts:
        values["code"] = code(str(facts["code"]), language)
    for key in ("channel", "via"):
        if facts.get(key) in _CHANNELS:
            values[key] = texts.say(language, _CHANNELS[facts[key]])
    if facts.get("late_seconds"):
        values["late"] = _long(int(facts["late_seconds"]))
    _put_asides(values, facts, language)
    return values


def _put_asides(values: _Facts, facts: Mapping[str, Any], language: str) -> None:
    """Word what stands in a sentence only where it is known."""
    if facts.get("covering"):
        values["covering"] = texts.say(language, N_(", covering %(name)s"), name=facts["covering"])
    if facts.get("expected"):
        values["expected"] = texts.say(language, N_(", there at %(at)s"), at=values["expected"])
    if facts.get("absent"):
        values["absent"] = texts.say(
            language, N_(" (%(name)s is planned but does not count)"), name=facts["absent"]
        )
    if facts.get("contact"):
        values["contact"] = texts.say(language, N_("; by day: %(who)s"), who=facts["contact"])


def _clock_time(instant: str, time_zone: str, language: str) -> str:
    local = datetime.fromisoformat(instant).astimezone(ZoneInfo(time_zone))
    return format_datetime(local, "EEE HH:mm", locale=language)


def _long(seconds: int) -> str:
    return f"{seconds // _HOUR} h" if seconds >= 2 * _HOUR else f"{seconds // 60} min"
