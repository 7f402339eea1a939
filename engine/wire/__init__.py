"""Facts from JSON and Arrow."""
