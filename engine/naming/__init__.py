"""Whom the facts of a batch are about."""
