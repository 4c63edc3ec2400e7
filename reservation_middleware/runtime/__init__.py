"""What both adapters share: fetching and caching policies, configuration, journal, metrics."""
