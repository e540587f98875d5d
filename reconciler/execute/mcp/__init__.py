"""The Model Context Protocol, both ways: our tools for agents with a loop of their own, companies' servers for ours.

What a tool may do is decided in `agent`, not here: here words become calls, bounded before they are parsed.

Something belongs here if it would go away with the protocol.
"""
