"""Spreadsheets that somebody uploads: CSV and XLSX as rows of texts, whoever made the file."""
