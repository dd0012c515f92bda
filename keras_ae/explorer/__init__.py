"""The page to play with a model in the browser: `keras-ae explore`, and its static form.

What belongs here: the page, its pictures, and what the browser runs.
"""
