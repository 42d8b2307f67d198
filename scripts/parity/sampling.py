"""Golden data of the sampler: what transformers' processors and warpers leave of random logits, and with which probabilities.

Writes sampling.safetensors; of each case:
    NAME.logits     float32 [vocabulary]
    NAME.read       int32, the ids of prompt and answer so far
    NAME.settings   float32 [4]: temperature, top_p, top_k, repetition penalty
    NAME.ids        int32, those which may be chosen
    NAME.chances    float32, their probabilities
"""
import pathlib

import numpy
import torch
from safetensors.numpy import save_file
from transformers import (LogitsProcessorList, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper,
                          TopPLogitsWarper)

VOCABULARY = 300
# temperature, top_p, top_k, repetition penalty
CASES = {
    "plain": (1.0, 1.0, 0, 1.0),
    "cold": (0.1, 1.0, 50, 1.0),
    "top_k": (0.7, 1.0, 50, 1.0),
    "top_p": (0.7, 0.9, 0, 1.0),
    "both": (0.7, 0.9, 50, 1.05),
    "penalised": (1.0, 1.0, 0, 1.3),
    "speech": (0.7, 1.0, 50, 1.05),
    "narrow": (0.5, 0.3, 20, 1.1),
    "single": (1.0, 1e-6, 0, 1.0),
    # of equal logits only the number that top_p leaves is certain: which ones is up to an unstable sort
    "ties": (1.0, 1.0, 10, 1.0),
    "ties_penalised": (0.9, 1.0, 25, 1.5),
}


def make(folder: pathlib.Path) -> None:
    random = numpy.random.default_rng(20)
    tensors = {}
    for name, settings in CASES.items():
        logits = random.normal(0.0, 2.5, VOCABULARY).astype(numpy.float32)
        if name.startswith("ties"):
            logits = numpy.round(logits * 2) / 2
        read = random.integers(0, VOCABULARY, 60).astype(numpy.int32)
        chances = distribution(logits, read, *settings)
        ids = numpy.flatnonzero(chances)
        tensors |= {f"{name}.logits": logits, f"{name}.read": read, f"{name}.settings": numpy.array(settings, numpy.float32),
                    f"{name}.ids": ids.astype(numpy.int32), f"{name}.chances": chances[ids]}
    save_file(tensors, folder / "sampling.safetensors")


def distribution(logits, read, temperature, top_p, top_k, penalty) -> numpy.ndarray:
    steps = LogitsProcessorList()
    if penalty != 1.0:
        steps.append(RepetitionPenaltyLogitsProcessor(penalty))
    if temperature != 1.0:
        steps.append(TemperatureLogitsWarper(temperature))
    if top_k:
        steps.append(TopKLogitsWarper(top_k))
    if top_p < 1.0:
        steps.append(TopPLogitsWarper(top_p))
    scores = steps(torch.from_numpy(read.astype(numpy.int64))[None], torch.from_numpy(logits)[None].clone())
    return torch.softmax(scores, -1)[0].numpy()
