"""Tables and figures of the released models: README and docs."""
