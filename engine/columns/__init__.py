"""Facts as columns and rows: names, codes, schemas, and what a batch came to."""
