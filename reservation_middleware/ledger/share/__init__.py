"""Handing on what a ledger holds: bundles, exports, statistics, rate cards; and erasing."""
