"""Makes room in a full slot, so that an answer can go on beyond the context."""

from inference.runner.engine.model_runner import ModelRunner
from inference.runner.engine.slot import Slot

#: Stands in a slot for a token whose state was computed when it followed other tokens than it does now: no prompt has
#: such a token, so that nothing from here on is taken for a beginning that two sequences have in common.
STALE = -1


def shift(model: ModelRunner, slot: Slot) -> bool:
    """Leaves out the older half of what follows the first tokens that are to be kept, and moves the rest up. False, and
    nothing is changed, when this kind of model cannot, or when images stand in the prompt, which have no half."""
    request = slot.request
    assert request is not None, "only a running slot is shifted"
    if request.spans:
        return False
    num_kept = num_kept_tokens(slot, model.num_ctx)
    num_rest = len(slot.tokens) - num_kept
    num_left_out = num_rest // 2
    if num_left_out == 0 or not model.shift(slot.seq_id, num_kept, num_left_out):
        return False
    slot.tokens = slot.tokens[:num_kept] + [STALE] * (num_rest - num_left_out)
    del request.tokens[num_kept : num_kept + num_left_out]
    request.num_shifted_tokens += num_left_out
    return True


def num_kept_tokens(slot: Slot, num_ctx: int) -> int:
    """At most half of the context: with more kept, an answer would be shifted at every other token."""
    request = slot.request
    assert request is not None, "only a running slot is shifted"
    wanted = request.num_prompt_tokens if request.num_keep < 0 else request.num_keep
    return min(wanted, request.num_prompt_tokens, num_ctx // 2)
