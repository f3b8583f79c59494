"""Tables of the rota.

`published` what stands and who covers; `ground` what a team is planned by; `drafts` plans that
nobody follows yet; `asked` what people ask for. Drafts are rows of their own: publishing one
changes only what differs, so that a turn that stays keeps its identity.
"""

from dispatch.rota.models.asked import (
    Absence,
    AbsenceKind,
    Answer,
    OpenState,
    OpenTurn,
    Room,
    Swap,
    SwapKind,
    SwapState,
    Wish,
)
from dispatch.rota.models.drafts import (
    Draft,
    DraftSeat,
    DraftState,
    Easing,
    EasingKind,
    Origin,
    PlanningRun,
    RunState,
)
from dispatch.rota.models.ground import (
    Contract,
    OpeningBalance,
    OwnDay,
    OwnRule,
    Pairing,
    PairingKind,
    TeamPattern,
    Terms,
    WishPeriod,
)
from dispatch.rota.models.published import (
    NO_OVERLAP,
    Cover,
    HeavyCall,
    Line,
    Shift,
    Version,
    Warned,
)

__all__ = [
    "NO_OVERLAP",
    "Absence",
    "AbsenceKind",
    "Answer",
    "Contract",
    "Cover",
    "Draft",
    "DraftSeat",
    "DraftState",
    "Easing",
    "EasingKind",
    "HeavyCall",
    "Line",
    "OpenState",
    "OpenTurn",
    "OpeningBalance",
    "Origin",
    "OwnDay",
    "OwnRule",
    "Pairing",
    "PairingKind",
    "PlanningRun",
    "Room",
    "RunState",
    "Shift",
    "Swap",
    "SwapKind",
    "SwapState",
    "TeamPattern",
    "Terms",
    "Version",
    "Warned",
    "Wish",
    "WishPeriod",
]
