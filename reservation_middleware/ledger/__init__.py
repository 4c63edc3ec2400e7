"""The evidence: what was decided, when, and on which documents."""
