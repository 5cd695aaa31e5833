"""The rules of the domain, pure: values in, values out, no clock, file, socket or database."""
