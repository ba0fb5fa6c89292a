"""Live runs that fill assistant messages: `registry` starts and stops them, readers attach to their streams."""
