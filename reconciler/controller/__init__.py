"""The loop, and everything that a person can ask of a factory: observe, plan, apply, record, look, act.

It is where the parts meet: git, the store, the planner, the queue and the hosts know nothing of each other. It does no
work on products, which is the worker's (`execute`), and makes no choice that could be a function of values (`plan`).

Something belongs here if it joins two of those parts, or is what one command of a person means.
"""
