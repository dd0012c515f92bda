"""Helpers for all packages: checks of arguments, arrays, seeds, files, imports.

What belongs here: helpers that know nothing of models. Each file does one job.
"""
