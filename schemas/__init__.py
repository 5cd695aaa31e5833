"""The JSON Schemas that members share."""
