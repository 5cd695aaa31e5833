"""Other members: what is known of each, what each was told and promised, and what witnesses said."""
