"""What goes wrong in ways a user can mend. The CLI prints `message` and exits with `exit_code`; never a traceback."""

from __future__ import annotations


class FactoryError(Exception):
    """An error with one line for the user: what is wrong, where, and what to do next."""

    exit_code = 1


class Refused(FactoryError):
    """Asked for, understood, and not done: a lock, a stale plan, a policy, a missing approval."""

    exit_code = 3
