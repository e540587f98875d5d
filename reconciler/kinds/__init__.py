"""The manifest kinds as pydantic models: what each field may say, in words for people. They write the JSON Schemas.

Heavy to import, so only faults and the schemas need them; `model/spec` has the same shapes as light values, and a test
keeps both equal.

Something belongs here if it is a rule about one manifest alone; what two must agree on stands in `desired`.
"""
