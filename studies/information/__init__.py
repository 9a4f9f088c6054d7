"""How near the network is to the limit that the data set: docs/information.md."""
