"""Shapes of answers, for the document alone: the answers themselves are made without them, and tests compare the two.

A field with `UNSET` as its default is not always there; every other field is.
"""
