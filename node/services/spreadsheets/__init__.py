"""Own cases from spreadsheets: taken in, mapped, tried, imported, and undone as one."""
