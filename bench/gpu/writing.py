"""What comes out of a GPU, and how fast."""

import asyncio
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from bench.gpu.card import MIB
from bench.gpu.checks import CLOSE, NOTHING_KEPT, Box, apart, check
from bench.gpu.service import Answer, service, story
from bench.load import Target, stall


@check
def speed(box: Box) -> str:
    """With and without the GPU, on the same machine."""
    with service(box.models, **NOTHING_KEPT) as running:
        told, firsts = {}, {}
        for name, options in (("GPU", {}), ("CPU", {"num_gpu": 0})):
            running.generate("model", "Once", 4, **options)
            num_predict = 256 if name == "GPU" else 32
            told[name] = running.generate("model", story(2000, first_day=1000), num_predict, logprobs=False, **options)
            firsts[name] = running.generate("model", story(300), 1, **options)
        foretold = running.post("/api/hearth/estimate", {"model": "model"}).json()
        machine = running.get("/api/hearth/machine")
    gpu, cpu = told["GPU"], told["CPU"]
    assert apart(firsts["GPU"], firsts["CPU"]) < CLOSE, firsts
    assert gpu.decode_rate > 2 * cpu.decode_rate, (gpu, cpu)
    rate = foretold["tokens_per_second"]
    print("rates", machine["rates"], flush=True)
    return (
        f"decode {gpu.decode_rate:.1f} against {cpu.decode_rate:.1f} tokens/s ({gpu.decode_rate / cpu.decode_rate:.1f} times), "
        f"prefill {gpu.prefill_rate:.0f} against {cpu.prefill_rate:.0f} ({gpu.prefill_rate / cpu.prefill_rate:.1f} times), "
        f"first token of 2,000 after {gpu.prefill:.3f} against {cpu.prefill:.3f} s; foretold {rate} tokens/s"
    )


@check
def speed_foretold(box: Box) -> str:
    with service(box.models) as running:
        rate = running.post("/api/hearth/estimate", {"model": "model"}).json()["tokens_per_second"]
        found = running.generate("model", "Once upon a time", 256, logprobs=False).decode_rate
    assert 0.5 < rate / found < 2, (rate, found)
    return f"{rate} tokens/s foretold, {found:.1f} measured"


@check
def flash_attention_and_cache_types(box: Box) -> str:
    told: dict[str, Answer] = {}
    sizes = {}
    cases = {
        "auto": {}, "on": {"OLLAMA_FLASH_ATTENTION": "1"}, "off": {"OLLAMA_FLASH_ATTENTION": "0"},
        **{kind: {"OLLAMA_KV_CACHE_TYPE": kind} for kind in ("f32", "bf16", "q8_0", "q4_0", "q5_1")},
    }  # fmt: skip
    for name, environment in cases.items():
        with service(box.models, OLLAMA_CONTEXT_LENGTH="8192", OLLAMA_NUM_PARALLEL="4", **environment) as running:
            told[name] = running.generate("model", story(3000), 48)
            sizes[name] = running.loaded()[0]["size_vram"]
    for name, answer in told.items():
        # Four bits lose something.
        bound = 1.0 if name == "q4_0" else 2 * CLOSE
        assert apart(told["auto"], answer) < bound, (name, told["auto"].top, answer.top)
    assert sizes["q4_0"] < sizes["q8_0"] < sizes["auto"] < sizes["f32"], sizes
    return "; ".join(
        f"{name} {sizes[name] / MIB:.0f} MiB, {answer.decode_rate:.0f} and {answer.prefill_rate:.0f} tokens/s, "
        f"apart by {apart(told['auto'], answer):.3f}"
        for name, answer in told.items()
    )


@check
def computed_prompts_after_a_restart(box: Box) -> str:
    beginning = story(2500)

    def turns(data: Path, *, restarts: bool) -> tuple[Answer, Answer]:
        with service(box.models, data, OLLAMA_CONTEXT_LENGTH="8192") as running:
            first = running.generate("model", beginning, 32)
            if not restarts:
                return first, running.generate("model", f"{beginning}{first.text} And then?", 32)
        with service(box.models, data, OLLAMA_CONTEXT_LENGTH="8192") as running:
            return first, running.generate("model", f"{beginning}{first.text} And then?", 32)

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first, in_memory = turns(Path(one), restarts=False)
        again, resumed = turns(Path(other), restarts=True)
    assert first.text == again.text
    assert resumed.cached_tokens > 2000 and in_memory.cached_tokens > 2000, (resumed.cached_tokens, in_memory.cached_tokens)
    assert resumed.text == in_memory.text, (resumed, in_memory)
    told = f"{resumed.cached_tokens} of {resumed.prompt_tokens} tokens from the disk, the same text"
    return f"{told}; prefill {resumed.prefill:.3f} s, in memory {in_memory.prefill:.3f} s, cold {first.prefill:.3f} s"


@check
def conversations_in_turns(box: Box) -> str:
    """Two of them, and one slot: each comes back by the quicker way."""
    prompts = {"one": story(2500), "other": story(2500, first_day=2000)}
    taken: dict[str, list[Answer]] = {name: [] for name in prompts}
    with (
        tempfile.TemporaryDirectory() as data,
        service(box.models, Path(data), OLLAMA_CONTEXT_LENGTH="8192", OLLAMA_NUM_PARALLEL="1") as running,
    ):
        running.generate("model", story(100), 4)
        for _turn in range(5):
            for name, prompt in prompts.items():
                taken[name].append(running.generate("model", prompt, 16, logprobs=False))
                prompts[name] += taken[name][-1].text
    cold = min(answers[0].prefill for answers in taken.values())
    later = [answer for turn in zip(*taken.values(), strict=True) for answer in turn][len(taken) :]
    # At first nobody knows which way is the quicker one.
    assert statistics.median(answer.prefill for answer in later[2:]) < 1.5 * cold, later
    turns = ", ".join(f"{answer.prefill:.3f} s ({answer.cached_tokens} cached)" for answer in later)
    return f"cold {cold:.3f} s; then {turns}"


@check
def several_at_once(box: Box) -> str:
    """More clients, more tokens a second."""
    rates = {}
    with service(box.models, OLLAMA_NUM_PARALLEL="16") as running:
        running.generate("model", "Once", 4)
        for clients in (1, 4, 16):
            started = time.perf_counter()
            with ThreadPoolExecutor(clients) as pool:
                asked = [story(120, first_day=100 * (number + 1)) for number in range(clients)]
                answers = list(pool.map(lambda prompt: running.generate("model", prompt, 128, logprobs=False), asked))
            assert all(answer.num_tokens == 128 for answer in answers)
            rates[clients] = sum(answer.num_tokens for answer in answers) / (time.perf_counter() - started)
    assert rates[16] > 2 * rates[1], rates
    return ", ".join(f"{clients} clients {rate:.0f} tokens/s" for clients, rate in rates.items())


@check
def stream_beside_a_long_prompt(box: Box) -> str:
    with service(box.models, OLLAMA_CONTEXT_LENGTH="8192") as running:
        running.generate("model", "Once", 4)
        found = asyncio.run(stall(Target(running.url, "model", "ollama"), prompt_tokens=4000))
    assert found["gap_p99_ms"] < 200, found
    return ", ".join(f"{name} {value:.3g}" for name, value in found.items())


@check
def client_that_goes_away(box: Box) -> str:
    with service(box.models, OLLAMA_NUM_PARALLEL="1") as running:
        running.generate("model", "Once", 4)
        body = {"model": "model", "prompt": "Once", "raw": True, "options": {"num_predict": 100_000, "ignore_eos": True}}
        with httpx.stream("POST", f"{running.url}/api/generate", json=body, timeout=60) as response:
            lines = response.iter_lines()
            for _ in range(5):
                next(lines)
        started = time.perf_counter()
        running.generate("model", "Twice", 4)
        seconds = time.perf_counter() - started
    assert seconds < 2, seconds
    return f"the next one was answered after {seconds:.2f} s"


@check
def vectors(box: Box) -> str:
    found = {}
    texts = [story(200), "a short one", story(900, first_day=50)]
    with service(box.models) as running:
        for name, options in (("GPU", {}), ("CPU", {"num_gpu": 0})):
            response = running.post("/api/embed", {"model": "model", "input": texts, "options": options})
            assert response.status_code == 200, response.text
            found[name] = response.json()["embeddings"]
    cosines = [sum(a * b for a, b in zip(one, other, strict=True)) for one, other in zip(found["GPU"], found["CPU"], strict=True)]
    assert min(cosines) > 0.99, cosines
    return f"cosines of GPU and CPU {min(cosines):.5f} and more"


@check
def bench_and_optimise(box: Box) -> str:
    with service(box.models) as running:
        measured = running.job("bench", model="model")
        made = running.job("optimise", model="small", destination="small-fast")
        told = running.post("/api/hearth/estimate", {"model": "model"}).json()
    assert told["is_measured"] and told["tokens_per_second"] == measured["decode"], (told, measured)
    told = f"bench {measured['prefill']}, {measured['decode']} tokens/s, {measured['memory_bytes'] / MIB:.0f} MiB"
    return f"{told}; optimise {made['reason'] or made['after']} {made['before']}"
