"""The JSON Schemas that members share, and their loader.

Files are `<kind>.v1.json`; `terms.v1.json` is the vocabulary they all refer to. See `schemas.loader`.
"""

from schemas.loader import Problem, SchemaError, Schemas

__all__ = ["Problem", "SchemaError", "Schemas"]
