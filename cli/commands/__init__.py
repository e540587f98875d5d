"""One module for each group of commands, imported only when one of its commands runs.

A command turns words into a call of the controller, and the answer into lines; what several need stands in `cli`.

Something belongs here if it is one command's own: its options, its help, the columns of its table.
"""
