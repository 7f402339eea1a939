"""A ledger in memory: checkpoint plus the journal's tail. Every reader is one."""
