"""The loop and everything a person can ask of a factory: observe, plan, apply, record."""
