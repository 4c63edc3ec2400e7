"""What a ledger is written in: lines, canonical JSON, WARC, Merkle trees, signed notes, folders."""
