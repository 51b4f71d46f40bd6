"""The image's recipe, carried out step by step where no engine is: docs/testing.md, "The image"."""
