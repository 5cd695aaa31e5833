"""Following others' feeds: from their owners, through mirrors, in bundles."""
