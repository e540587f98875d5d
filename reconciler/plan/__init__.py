"""Pure decisions: what should happen next, and why. Status, routing, the ladder, slots, follow-ups, verdicts.

No I/O, no clock, no randomness: the same view at the same moment gives the same plan, with a sentence for everything
that does not move. Names of companies, stages, tiers and models are data.

Something belongs here if it can be tested with values of `model` and nothing else.
"""
