"""What a sound program says that nobody wants."""
