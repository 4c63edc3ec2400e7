"""Writing a ledger: segments, their lines and checkpoints, and recovering what a crash left."""
