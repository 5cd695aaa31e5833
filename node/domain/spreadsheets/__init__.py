"""Spreadsheets as cases: which column is which field, and what its cells say."""
