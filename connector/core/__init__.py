"""Deciders and their values: no I/O, clock, randomness, logging or async. `now` is always an argument."""
