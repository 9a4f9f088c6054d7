"""What each choice about the network is worth: docs/training.md."""
