"""The ledger: one writer, readers, checkpoints, replay."""
