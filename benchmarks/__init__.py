"""Benchmarks: ours and the peers, side by side in one run; see README.md."""
