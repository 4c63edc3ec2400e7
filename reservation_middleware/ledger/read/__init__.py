"""Reading a ledger: its lines in order, filters, columns, and decisions made again."""
