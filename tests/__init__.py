"""The tests; they share `training_nets`, `shown_spaces` and `searched_spaces`."""
