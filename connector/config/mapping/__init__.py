"""Mapping files: their shape, and their way to the core's topic mappings, with every problem at its place."""
