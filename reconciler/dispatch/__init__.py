"""Puts jobs on queues, one per host, and hears of their end."""
