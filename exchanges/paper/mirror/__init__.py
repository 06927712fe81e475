"""A market that mirrors another exchange's: fetched from its public REST, kept on a tape, played from there.

What holds: **an instant at which the market was open never changes.** Every answer is a function of the tape
and the time, and the tape only grows where nobody has looked yet: what a poll learns is written for the next
step, never for one that has begun, under the lock that every request of every process takes. So the tape is
replayed like any other market, after a restart and without a network.

Prints of more than two days ago are folded into the bars of their minutes, which keep open, high, low, close
and volume, so that a tape grows by what bars take.

What does not: the price of a step is what the last poll before it saw, at most a step or two old; minutes
that were polled consist of what was seen, one print a step, while history from before the mirror began
consists of the other exchange's minute bars. The book around the price is made as in any other market here.
When nothing was learned for a minute the market closes (BREAK): nothing trades and no order is filled. Once
the network is back it opens, and the minutes it was closed for are filled in from the other exchange's bars.
"""
