"""Other members' cases: searching the whole federation, and one case with its origin."""
