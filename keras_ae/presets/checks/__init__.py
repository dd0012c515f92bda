"""Checks of a preset from a stranger, before a model is built from it.

A preset is data. Its JSON is plain, of limited size and of known structure. Its config names only
classes of keras and keras_ae, with limited sizes. Its weights are plain arrays in one file.

A hash reveals damage, but no attack: whoever alters a file can also write its new hash. So every
check here also runs on files with the right hash.

What belongs here: checks of files that a stranger may have written, one module per kind of file.
Nothing here builds a model.
"""
