"""Is the work as it should be? One module for each family of checks, run on a clean checkout once the agent is dead.

A gate looks, or runs a command of the base's, and reports; what follows from reports is the controller's. Whatever
decides how a check runs is taken from the branch and not from the work.

Something belongs here if it reads finished work in order to say something about it.
"""
