"""Leads: about own cases and to other members, sent, worked on and answered."""
