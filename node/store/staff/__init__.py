"""The people of this node and their programs: who may use it, and what they keep."""
