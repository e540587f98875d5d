"""The only package that talks to git. No repository's configuration is in force in any process that it starts.

It knows commits, trees, branches, keys and pins, and nothing of goals or tasks. Whatever lies in a `.git` folder may
have come from a stranger: it is looked at before git is started, and what is read is compared with its name.

Something belongs here if it would be as useful to a program that is no factory.
"""
