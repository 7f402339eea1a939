"""Events for others, derived from the journal."""
