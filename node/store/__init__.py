"""The node's tables and every query on them: one subject a module, and the only SQL of the house."""
