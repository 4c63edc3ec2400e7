"""Checking a ledger: lines, signatures, archive, bundles and time stamps."""
