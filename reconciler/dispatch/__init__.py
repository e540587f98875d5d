"""Puts jobs on queues, one for each host, and hears of their end; the worker process that takes them.

What a job does is not known here, only that it can be asked for, cancelled, lost and done again. The engine is DBOS:
no other package imports it.

Something belongs here if it would change with another engine, and nothing else would.
"""
