"""Engines: each feeds the kernel with the batches of every input and keeps its rows."""
