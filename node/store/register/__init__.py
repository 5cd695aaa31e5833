"""Own cases: their private records, what is on its way into them, and who lets them out of the house."""
