"""Who may come in: signing in, second factors, one's own account, and the people of a member."""
