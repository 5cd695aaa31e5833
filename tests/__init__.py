"""Tests of the node, the protocol and the schemas."""
