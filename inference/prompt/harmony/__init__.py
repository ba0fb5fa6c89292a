"""What Harmony, the format of gpt-oss models, needs beside a chat template: see `inference.harmony`."""
