"""The use cases of a node: one function each, over a `Node`."""
