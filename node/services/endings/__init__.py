"""Hidden, emptied, purged; and back where the network undoes it."""
