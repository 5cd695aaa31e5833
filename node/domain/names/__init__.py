"""Names of people across scripts: how they read in Latin letters, and how alike two are."""
