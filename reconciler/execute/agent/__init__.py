"""The loop around a model with tools, the tools, and the rules that each call is judged by.

The loop knows no tool and no rule; tools know no model. An agent with a loop of its own is given the same tools
through `mcp`. How a model is reached stands in `backends`.

Something belongs here if it is said to a model with tools, or judges what such a model wants to do.
"""
