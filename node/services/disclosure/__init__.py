"""Own cases on their way out of the house: the gate, publishing, the own feeds, and what was erased."""
