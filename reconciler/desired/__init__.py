"""What is asked for: bytes of a factory's files to validated objects that refer to each other, and edits of them.

It fetches nothing, from git or elsewhere: bytes come in, objects and faults with their places come out. What a field
may say is said in `kinds`.

Something belongs here if it reads or changes the text of a manifest, an agent file or a settings file.
"""
