"""What `manage.py serve` runs: it prepares the data directory, starts Hearth's processes and keeps them running.

Nothing here imports Django: the supervisor stays small, and it can say in one sentence why the site cannot start.
"""
