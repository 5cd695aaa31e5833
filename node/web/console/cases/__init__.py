"""Own cases: the register, entry in sections, photographs, risk, and how a case ends."""
