"""`shadow`: two versions of the mapping files over the same real records, and what would change."""
