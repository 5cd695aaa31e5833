"""Finding cases, own ones and replicas side by side, by filters, words and names."""
