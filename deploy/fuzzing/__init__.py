"""The parts of deploy/fuzz.py.

mesh    the mesh that is fuzzed: one of its own, or a running one
api     calls of the gateway, and tokens
pool    ids that exist, found by calling every GET of the document
hooks   what schemathesis loads: it puts those ids into requests
"""
