"""Leads: information about a case, from whoever has it to the case's owner, and what becomes of it."""
