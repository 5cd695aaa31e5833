"""The gate: what an author proposes to publish, and what a second person decides."""
