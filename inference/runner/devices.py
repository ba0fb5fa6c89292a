"""`python -m inference.runner.devices`: prints the GPUs that llama.cpp can use, as a JSON list, and ends."""

import json
import sys

from inference.runner.llama.devices import list_devices


def main() -> None:
    sys.stdout.write(json.dumps(list_devices()))


if __name__ == "__main__":
    main()
