"""Readers of files that hold sales: each yields Arrow tables in the wire's form."""
