"""The node: what one member of the network runs."""
