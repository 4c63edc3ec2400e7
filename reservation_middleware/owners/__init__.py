"""For site owners: inspect what a site says to each crawler."""
