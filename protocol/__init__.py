"""The federation protocol, version 1: bytes in, verified values out. Pure; its wire specification is
README.md beside it.
"""
