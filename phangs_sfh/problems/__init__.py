"""What is inferred from what: the problem object and the problems at hand."""
