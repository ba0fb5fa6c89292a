"""What the model is shown: the branch of the conversation and its system prompt, and nothing else."""

from webui.enums import MessageRole
from webui.models import Conversation, Message


def build_prompt(conversation: Conversation, branch: list[Message]) -> list[dict[str, str]]:
    """Chat messages for `branch`, oldest first. A last assistant message with text in it is what the model continues.

    Messages without text (an answer that failed) are left out; the questions that then stand next to each other are joined,
    because many chat templates refuse two messages of one role in a row.
    """
    prompt: list[dict[str, str]] = []
    if conversation.system_prompt.strip():
        prompt.append({"role": str(MessageRole.SYSTEM), "content": conversation.system_prompt})
    for message in branch:
        if not message.content.strip():
            continue
        if message.role == MessageRole.USER and prompt and prompt[-1]["role"] == MessageRole.USER:
            prompt[-1]["content"] += "\n\n" + message.content
        else:
            prompt.append({"role": str(message.role), "content": message.content})
    return prompt
