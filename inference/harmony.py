"""Harmony, the format in which gpt-oss models answer: messages, each with a header that says whom it is for.

Source: OpenAI's cookbook, `articles/openai-harmony.md`. `<|start|>ROLE<|channel|>CHANNEL<|message|>TEXT<|end|>`, where `<|call|>`
or `<|return|>` in place of `<|end|>` ends the whole answer. A recipient (`to=functions.NAME`) stands behind the role or behind
the channel, and `<|constrain|>json` before `<|message|>`.
"""

START, CHANNEL, CONSTRAIN, MESSAGE, END = "<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", "<|end|>"
CALL, RETURN = "<|call|>", "<|return|>"
MARKS = (START, CHANNEL, CONSTRAIN, MESSAGE, END, CALL, RETURN)
ANALYSIS, COMMENTARY, FINAL = "analysis", "commentary", "final"
#: Before a tool's name in a recipient.
FUNCTIONS = "functions."
#: What a runner writes before a mark that was one token of the model's: the same characters may be text as well, in an answer
#: about this format or in a file that a tool is to write. A noncharacter of Unicode, which no text has.
FLAG = "\ufdd0"


def speaks_harmony(template: str) -> bool:
    """Whether a chat template, in whichever language, writes the format. A model's architecture says less: a model that was made
    of gpt-oss may have been trained to another format."""
    return all(mark in template for mark in (START, CHANNEL, MESSAGE, END))
