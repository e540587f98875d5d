"""The manifest kinds as pydantic models; they validate in full and write the JSON Schemas."""
