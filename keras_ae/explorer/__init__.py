"""The explorer: a page to play with a model, served on this machine (`page`) or written as a folder for any web host (`static`)."""
