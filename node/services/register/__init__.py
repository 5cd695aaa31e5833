"""Own cases at home: typed, changed, looked through, with their photographs, and what of them is due."""
