"""Pull from and push to registries that speak Docker's protocol (version 2), as registry.ollama.ai and Hugging Face do.

    pulls.py, pushes.py      what the API calls: one model, with its progress; `shared_work.py`: several ask, one works
    registry.py              connections and who we are; `repository.py`: the requests of one model, with redirects and sign-in
    challenge.py, tokens.py, logins.py, identity.py    how we sign in
    blob_download.py         one blob in parallel parts; `partial.py`: what there is of it on the disk; `following_hash.py`
    blob_upload.py           one blob on its way to a registry
    hugging_face.py, split_pull.py    models whose weights lie in several files, put together to one

Everything a registry sends is taken for hostile: sizes and digests are checked before they are used, answers are bounded,
and nothing is referred to by the library before its sha256 is right.
"""
