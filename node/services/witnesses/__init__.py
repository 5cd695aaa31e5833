"""Nothing hides: asking witnesses, being one, comparing heads, keeping proof."""
