"""The command line `reservations`: a module for each group of verbs."""
