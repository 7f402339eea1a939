"""Why any fact came to what it came to."""
