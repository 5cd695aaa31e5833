"""The node's tables and every query on them: one subject a module, and the only SQL of the house.

Rooms hold what belongs together; here are the database itself and what every room writes to or none does.
"""
