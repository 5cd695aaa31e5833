"""Own cases: the register, photographs, what leaves the house, what was erased, handing one over."""
