"""What every page of the console stands on: who may see it, languages, forms, long lists."""
