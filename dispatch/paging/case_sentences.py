"""What is said of reports that are one event, of facts told by telephone and of relief (pure).

Sentences of the timeline, of alarms and of reasons, as `sentences` words all others.
"""

from dispatch.texts import N_

TOLD = {
    "linked": N_("%(by)s linked this with %(other)s: they belong to one case."),
    "unlinked": N_("%(by)s unlinked this from %(other)s."),
    "joined": N_("%(by)s merged this into %(other)s: people are called for that one only."),
    "joined_itself": N_("Joined with %(other)s by itself: people are called for that one only."),
    "merged": N_("%(by)s merged report %(other)s into this."),
    "merged_itself": N_("Report %(other)s is like this and joined by itself."),
    "taken_apart": N_("%(by)s took this and %(other)s apart again."),
    "kept_apart": N_("%(by)s says that this and %(other)s are not one event."),
    "moved_away": N_("%(person)s goes for %(other)s now, which this was merged into."),
    "moved_here": N_("%(person)s, who was going for %(other)s, goes for this now."),
    "told_joined": N_("%(person)s, who was called for %(other)s, is asked to answer for this."),
    "report_updated": N_("Report %(other)s, merged into this, was updated: %(fields)s."),
    "report_cancelled": N_("The source of report %(other)s, merged into this, cancelled it."),
    "own_cancelled": N_("%(source)s cancelled its report; other reports of this stand."),
    "joins_begin": N_("%(by)s lets alerts like this join by themselves, until %(until)s."),
    "joins_end": N_("%(by)s ended that alerts like this join by themselves."),
    "facts_unread": N_("%(person)s goes and has not opened the facts: they must be told."),
    "facts_given": N_("%(by)s told %(person)s the facts by telephone."),
    "relief_due": N_("%(person)s has worked here for %(hours)s hours: relief is to be asked for."),
    "relief_called": N_("%(by)s calls somebody to take over from %(person)s."),
    "handed_over": N_("%(person)s handed over: %(to)s."),
    "relief_hours": N_("%(by)s wants relief to be asked for after %(hours)s hours (0: never)."),
    "quota": N_("%(by)s wants %(people)s of %(team)s."),
    "leads": N_("%(by)s lets %(person)s lead."),
    "leads_no_more": N_("%(by)s lets nobody lead."),
    "lead_gone": N_("%(person)s led and does not go any more."),
    "meeting_point": N_("%(by)s named another meeting point."),
    "told_led": N_("Telling %(person)s of it."),
    "asked": N_("%(by)s wrote down what was asked before somebody leaves: %(count)s answers."),
}

ALARMS = {
    "report_updated": N_(
        "Report %(other)s, merged into this, changed (%(fields)s): is it still the same event?"
    ),
    "facts_unread": N_("%(person)s goes without having seen the facts: ring now and tell them."),
    "relief_due": N_("%(person)s has worked here for %(hours)s hours: does somebody take over?"),
    "lead_gone": N_("%(person)s led and does not go any more: say who leads."),
    "own_cancelled": N_(
        "Its source cancelled this, but other reports of it stand: cancel it here if all is over."
    ),
}

REASONS = {
    "joined": N_("was called for %(other)s, which is the same event"),
}
