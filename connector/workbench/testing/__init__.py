"""`test`: the tests of mapping files, run, compared, counted and rewritten."""
