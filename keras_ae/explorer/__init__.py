"""The page to play with a model in the browser: `keras-ae explore`, and its static form.

What belongs here: the pages, what they show of a model, and what the browser runs.
"""
