"""Ratios against a reference measured in the same run. Not tests: nothing here passes or fails on time."""
