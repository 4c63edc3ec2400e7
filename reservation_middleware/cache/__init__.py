"""Documents kept by (scheme, host, port, resource), never verdicts: policies may change."""
