"""What `hearth run` does: one answer, or a conversation.

`session` is the state of a conversation, `answer` shows one answer as it comes, `loop` asks and answers, `slash` and the modules
named after its commands are what begins with `/`, `typing` is the line on which people write.
"""
