"""Whom a fact is about: cards, accounts, households, plans."""
