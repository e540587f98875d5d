"""What has happened, and what is in flight, in SQLite: a projection that can be made again from git at any time.

It reads no git and decides nothing. The controller hands it what it has read of commits, and asks it for views; what
is in flight is all that is known here alone.

Something belongs here if it is a table, a query, or the step from a commit's facts to rows.
"""
