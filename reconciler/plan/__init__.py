"""Pure decisions: what should happen next, and why. No I/O, no clock, no randomness."""
