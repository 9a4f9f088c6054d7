"""The network: branches, attention, posterior head. Keras layers and keras.ops only."""
