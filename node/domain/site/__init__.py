"""What a member may make of its public site: its look, colours that can be read, and texts of its own."""
