"""The answers by name, each a frame with the model of its rows."""
