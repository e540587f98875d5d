"""HiveMind: what was learned, as files in git, and an index of words over them.

The index can be made again from the files. What is worth keeping is not decided here, nor who is told of it.

Something belongs here if it is the shape of an entry, or helps to find one.
"""
