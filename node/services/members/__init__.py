"""Being a member: joining, accepting others, own keys, a feed that goes on for another."""
