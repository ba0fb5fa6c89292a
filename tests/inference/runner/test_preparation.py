from inference.runner.messages import ChatMessage
from inference.runner.preparation import turn_starts, without_turns

SYSTEM = ChatMessage("system", "s")
USER = ChatMessage("user", "u")
ANSWER = ChatMessage("assistant", "a")
TOOL = ChatMessage("tool", "t")


def roles(messages: list[ChatMessage]) -> str:
    return "".join(message.role[0] for message in messages)


def test_turns_left_out_never_leave_an_answer_without_its_question() -> None:
    messages = [SYSTEM, USER, ANSWER, TOOL, ANSWER, USER, ANSWER, SYSTEM, USER, ANSWER]

    kept = [roles(without_turns(messages, start)) for start in turn_starts(messages)]

    assert kept == ["suataua" + "sua", "sua" + "sua", "ssua"]


def test_turns_without_a_user_message_stay_whole() -> None:
    messages = [SYSTEM, ANSWER, ANSWER]

    assert [without_turns(messages, start) for start in turn_starts(messages)] == [messages]


def test_turns_of_system_messages_only_stay_whole() -> None:
    assert [without_turns([SYSTEM], start) for start in turn_starts([SYSTEM])] == [[SYSTEM]]
