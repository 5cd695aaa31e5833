"""The coordinator: who is a member, with which keys, by whose signatures."""
