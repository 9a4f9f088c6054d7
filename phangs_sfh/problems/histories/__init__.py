"""Star formation histories: the first problem."""
