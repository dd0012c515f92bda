"""What all packages use: checks of arguments, arrays, seeds, files, imports.

What belongs here: helpers that know nothing of models, each file one job.
"""
