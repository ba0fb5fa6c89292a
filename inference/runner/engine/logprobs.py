"""Keeps what is known of each token's probability with the token's text, which may be sent later or not at all."""

from collections import deque

from inference.runner.messages import TokenLogprob


class PendingLogprobs:
    """Logprobs of tokens whose text was not sent yet."""

    __slots__ = ("_num_sent", "_waiting", "num_top")

    def __init__(self, num_top: int) -> None:
        self.num_top = num_top
        #: With the place in the answer, in characters, at which the token's text begins.
        self._waiting: deque[tuple[int, TokenLogprob]] = deque()
        self._num_sent = 0

    def add(self, logprob: TokenLogprob, num_held: int) -> None:
        """`num_held` characters of the answer were decoded before this token and not sent yet."""
        self._waiting.append((self._num_sent + num_held, logprob))

    def take(self, num_characters: int) -> list[TokenLogprob]:
        """Of the tokens that begin within the next `num_characters` of the answer, which are being sent."""
        self._num_sent += num_characters
        taken = []
        while self._waiting and self._waiting[0][0] < self._num_sent:
            taken.append(self._waiting.popleft()[1])
        return taken

    def take_all(self) -> list[TokenLogprob]:
        taken = [logprob for _start, logprob in self._waiting]
        self._waiting.clear()
        return taken
