"""People who use the console: their accounts, how they sign in, and what is kept for them meanwhile."""
