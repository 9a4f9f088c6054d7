"""From observations to the result table, by a model here or on a server."""
