"""What is checked of a preset from a stranger before anything is made of it.

A preset is data. Its JSON is plain, bounded and of known structure; its config names classes of keras and keras_ae alone, of bounded
sizes; its weights are plain arrays in one file. Hashes tell damage, but no intent, as whoever alters a file can write its hash anew:
every check here holds for files whose hashes fit.

What belongs here: checks of files that a stranger may have written, one file a kind. Nothing here builds a model.
"""
