"""The command line: parses arguments, calls the controller, draws the answer.

It decides nothing and reads neither git nor the database: what a command needs to know, the controller tells it (but
for a plain `diff`, which may be answered from a note before anything heavy is imported). It knows terminals, colours,
exit codes and what a pipe can take.

Something belongs here if it would have to be written anew for a page or an API, and nothing else would.
"""
