"""Many who wait for few places."""

import asyncio
import time

from bench.load import Answer, Target, lines, question, request_body


async def overtaken(target: Target, *, clients: int, max_tokens: int) -> dict[str, float]:
    """All ask within a moment, each in a name of its own. Of each, how many that asked later had their first token before it;
    TTFT of the last in seconds."""
    answers: list[Answer] = []

    async def client(number: int) -> None:
        path, body = request_body(target, question(number), max_tokens, 0.8)
        body["hearth"] = {"client": f"client {number}"}
        answer = Answer(time.perf_counter())
        answers.append(answer)
        try:
            async for line in lines(target, path, body):
                if line.get("message", {}).get("content"):
                    answer.stamps.append(time.perf_counter())
                if line.get("done"):
                    answer.num_tokens = line["eval_count"]
        except OSError as error:
            answer.error = str(error)

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(client(number))
            # Sockets that are opened at once are accepted in no order.
            await asyncio.sleep(0.005)
    done = [answer for answer in answers if answer.stamps and not answer.error]
    firsts = [answer.stamps[0] for answer in done]
    before = [sum(later < firsts[index] for later in firsts[index + 1 :]) for index in range(len(firsts))]
    return {
        "queue: answered": float(len(done)),
        "queue: overtaken by, at most": float(max(before)),
        "queue: wait of the last, s": max(answer.ttft for answer in done),
    }
