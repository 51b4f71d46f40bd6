"""`new`: a first mapping file, guessed from schemas and operations, with its gaps marked."""
