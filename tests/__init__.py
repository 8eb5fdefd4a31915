"""The tests; they share `training_nets` and `shown_spaces`."""
