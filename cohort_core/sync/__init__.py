"""Bringing the store up to date with OpenClass: the algorithm, and who may run it when."""
