"""Messages that must leave, and what came back; knows nothing of pages.

`models` the tables; `queue` putting in, claiming, settling, withdrawing; `piles` what is kept from
coming all at once; `suppliers` who carries what, and who is trusted; `receipts` what suppliers say
afterwards, only ever forward; `pace` how fast texts leave; `clocks` what waits when the clock is
set back.
"""
