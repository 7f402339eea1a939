"""Batches through the kernel, members alone, late facts."""
