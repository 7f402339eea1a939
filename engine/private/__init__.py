"""What the journal must not have: profiles encrypted per member, PINs."""
