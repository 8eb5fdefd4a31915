"""The tests; they share `training_nets`, `shown_spaces`, `searched_spaces` and `command_line`."""
