"""The journal: append, chain, scan, decode."""
