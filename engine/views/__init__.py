"""A member at any instant, and its statement."""
