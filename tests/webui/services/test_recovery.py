import pytest

from tests.factories import make_answer
from webui.enums import MessageStatus
from webui.models import Message
from webui.services.generation.recovery import recover_interrupted


@pytest.mark.parametrize("status", [MessageStatus.QUEUED, MessageStatus.STREAMING])
def test_rows_left_running_are_interrupted_with_their_text(db: None, status: MessageStatus) -> None:
    message = make_answer(status=status, content="As far as it ca")
    assert recover_interrupted() == 1
    message.refresh_from_db()
    assert (message.status, message.content) == (MessageStatus.INTERRUPTED, "As far as it ca")
    assert message.error_detail == "The server was restarted while this was written."
    assert message.finished_at is not None


@pytest.mark.parametrize("status", [MessageStatus.COMPLETE, MessageStatus.STOPPED, MessageStatus.FAILED])
def test_rows_that_ended_stay_as_they_are(db: None, status: MessageStatus) -> None:
    message = make_answer(status=status)
    before = Message.objects.values().get(pk=message.pk)
    assert recover_interrupted() == 0
    assert Message.objects.values().get(pk=message.pk) == before
