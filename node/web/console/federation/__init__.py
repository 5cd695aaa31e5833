"""The other members: how each stands here, what was erased where, and evidence of two faces."""
