"""Program files read and checked: every error with its line and path."""
