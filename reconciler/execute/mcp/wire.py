"""What `mcp.bridge` and `mcp.server` say to each other over their socket: one JSON object a line.

`{"secret", "do": "list"}` is answered by `{"tools": [...]}`, `{"secret", "do": "call", "name", "arguments"}` by
`{"text", "ok"}`, anything else by `{"error"}`.
"""

import sys

SERVER = "alai"
"""the name of our tool server: an agent sees its tools as `mcp__alai__<name>`"""
SECRET = "ALAI_TOOLS_SECRET"
"""variable of the server that holds the run's secret"""
INSTALL = f"{sys.executable} -m pip install 'alai-reconcile[mcp]'"
"""what helps where the package mcp is missing"""
LONGEST = 16 * 2**20
"""bytes of one line"""
