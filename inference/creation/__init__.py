"""Makes models: from another model, from uploaded files, or from files that lie on this machine.

request.py      what can be asked for, and what is refused before anything is done
sources.py      which files are weights, projectors, adapters
create.py       one model, step by step, with its progress
creation.py     what it is made of, as it comes together
weights.py      files become blobs: taken in, joined, converted, quantised
file_import.py  the same for a file on this machine
file_work.py    long reading and writing, done in a thread
"""
