"""Golden data of the whole chain: conversations answered, scored and spoken by the reference on the tiny checkpoint.

Writes whole_chain.json (what is asked, ids, scores) and whole_chain.safetensors (stages, every so-manieth value of those that
are large). Recordings and noise are not kept: recordings.py makes them from the seeds in the JSON, and
scripts/make_tiny_bundle.py the checkpoint; its files' digests stand in the JSON. test/system/step_audio_2_chain_test.py
runs parley on the same and compares.
"""
import hashlib
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import safetensors.numpy
import torch

from . import recordings
from .reference import hearing, prompt, token2wav
from .reference.checkpoint import Checkpoint
from .reference.hearing import Ear
from .reference.language import Language
from .reference.speaker import SpeakerEncoder, SpeakerPrompt

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY_SEED = 38
NEW_TOKENS = 64
LEAST_MARGIN = 1e-3  # of the best logit over the second: an answer is cut short where they are nearer
MOST_VALUES = 3000  # of a stage that is kept
RECORDINGS = {
    "question.wav": {"seed": 1, "seconds": 1.5, "rate_hz": 16000, "channels": 1},
    "stereo.wav": {"seed": 2, "seconds": 2.23, "rate_hz": 48000, "channels": 2},
    "long.wav": {"seed": 3, "seconds": 27.31, "rate_hz": 16000, "channels": 1},  # two pieces
    "voice.wav": {"seed": 5, "seconds": 2.5, "rate_hz": 48000, "channels": 1},
}
SYSTEM = {"role": "system", "content": "You are a helpful assistant."}
ASKED = {"role": "human", "content": "Give me a brief introduction to the Great Wall."}
HEARD = {"role": "user", "content": [{"type": "audio", "file": "question.wav"}]}
WRITE = {"role": "assistant", "content": None}
SPEAK = {"role": "assistant", "content": "<tts_start>", "eot": False}
SCHEMAS = [{"type": "function", "function": {
    "name": "search", "description": "搜索工具",
    "parameters": {"type": "object", "properties": {"query": {"type": "string", "description": "搜索关键词"}},
                   "required": ["query"], "additionalProperties": False}}}]
FOUND = "The wall is about 21,000 km long.\n\n\n请用口语化形式总结检索结果，简短地回答用户的问题。"
CALL = '<tool_call>function\nsearch\n{"query": "长城 length"}</tool_call>'
# Each rendered by one call of the synthesizer: how many tokens, by which way.
SPOKEN = [
    {"name": "offline", "count": 66, "voice": "voice.wav", "variant": None},
    {"name": "streaming_py", "count": 110, "voice": "voice.wav", "variant": "reference-py"},
    {"name": "streaming_up", "count": 110, "voice": "voice.wav", "variant": "reference-up"},
    {"name": "one_call", "count": 20, "voice": "voice.wav", "variant": "reference-py"},  # shorter than a chunk
    {"name": "named_voice", "count": 12, "voice": "default_male", "variant": None},  # one of the bundle's
]


def make(folder: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory(prefix="parley-whole-chain-") as work:
        write(folder, pathlib.Path(work))


def write(folder: pathlib.Path, work: pathlib.Path) -> None:
    for name, how in RECORDINGS.items():
        recordings.write_recording(work / name, **how)
    checkpoints = {variant: tiny_checkpoint(work / variant, variant) for variant in ("mini", "base")}
    stages: dict[str, np.ndarray] = {}
    document = {
        "made_by": "scripts/make_parity_data.py --only whole_chain",
        "tiny": {"seed": TINY_SEED, "digests": {variant: digests(found.folder) for variant, found in checkpoints.items()}},
        "recordings": RECORDINGS, "conversations": [], "scores": [], "speech": []}
    for variant, found in checkpoints.items():
        reference = Reference(found, variant == "base")
        for name, messages in conversations(variant, found.tokenizer).items():
            document["conversations"].append(
                {"name": name, "variant": variant, "messages": messages}
                | reference.generate(messages, work, NEW_TOKENS, keeper(stages, f"generate.{name}")))
        for name, messages in scored(variant, found.tokenizer).items():
            document["scores"].append({"name": name, "variant": variant, "messages": messages} | reference.score(messages, work))
    voiced = Voiced(checkpoints["mini"])
    for place, case in enumerate(SPOKEN):
        asked = spoken_case(case, seed=100 * (place + 1))
        document["speech"].append(asked | voiced.speak(asked, work, keeper(stages, f"speech.{case['name']}")))
    safetensors.numpy.save_file(dict(sorted(stages.items())), folder / "whole_chain.safetensors")
    (folder / "whole_chain.json").write_text(as_text(document))


def tiny_checkpoint(folder: pathlib.Path, variant: str) -> Checkpoint:
    """By the project's own environment: what it makes is what the tests will make."""
    subprocess.run([ROOT / ".deps/venv/bin/python", "-B", ROOT / "scripts/make_tiny_bundle.py", folder, "--seed", str(TINY_SEED),
                    "--variant", variant], check=True)
    return Checkpoint(folder / "checkpoint")


def digests(folder: pathlib.Path) -> dict[str, str]:
    """What the weights and the vocabulary are told apart by."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".safetensors", ".pt", ".onnx")
             or path.name in ("tokenizer.json", "config.json", "flow.yaml")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files}


def conversations(variant: str, tokenizer) -> dict[str, list[dict]]:
    audio = {"type": "audio", "file": "question.wav"}
    if variant == "base":
        return {
            "base_text": [{"role": "user", "content": "Translate the following text into English:\n"}, ASKED],
            "base_spoken": [{"role": "user", "content": [{"type": "text", "text": "Read this paragraph at a natural pace.\n"},
                                                         audio, {"type": "text", "text": "<tts_start>"}]}]}
    said = {"role": "assistant", "content": [{"type": "text", "text": "<tts_start>"},
                                             {"type": "token", "token": interleaved(tokenizer, "It is long.", 10)}]}
    return {
        "text_answer": [SYSTEM, ASKED, WRITE],
        "spoken_answer": [SYSTEM, ASKED, SPEAK],
        "heard": [SYSTEM, HEARD, SPEAK],
        "heard_long": [SYSTEM, {"role": "human", "content": [
            {"type": "text", "text": "Compare what is said:"}, {"type": "audio", "file": "stereo.wav"},
            {"type": "audio", "file": "long.wav"}]}, WRITE],
        "history": [SYSTEM, HEARD, said, {"role": "human", "content": "Now write a 4-line poem about it."}, WRITE],
        "tools": [SYSTEM, {"role": "tool_json_schemas", "content": json.dumps(SCHEMAS, ensure_ascii=False)}, HEARD,
                  {"role": "assistant", "content": [*said["content"], {"type": "text", "text": CALL}]},
                  {"role": "input", "content": [{"type": "text", "text": FOUND[:33]}, {"type": "text", "text": FOUND[33:]}]},
                  SPEAK]}


def scored(variant: str, tokenizer) -> dict[str, list[dict]]:
    """What is to be scored ends its conversation and has no end-of-turn: only what stands in the content counts."""
    if variant == "base":  # a continuation of speech, both sides as the speech tokenizer hears them
        return {"continued": [{"role": "user", "content": [{"type": "audio", "file": "question.wav"}]},
                              {"role": "assistant", "content": [{"type": "audio", "file": "stereo.wav"}], "score": True,
                               "eot": False}]}
    return {"told": [SYSTEM, ASKED, {"role": "assistant", "score": True, "eot": False, "content": [
        {"type": "text", "text": "<tts_start>"}, {"type": "token", "token": interleaved(tokenizer, "The wall is long.", 30)}]}]}


def interleaved(tokenizer, text: str, audio: int) -> list[int]:
    """Speech as the model would have said it: groups of one text id and four audio ids, padded."""
    pad, first, end = tokenizer.convert_tokens_to_ids(["<tts_pad>", "<audio_0>", "<tts_end>"])
    text_ids = tokenizer(text)["input_ids"]
    values = [(37 * place + 11) % 6561 for place in range(audio)]
    values += [6561] * (-len(values) % 4)
    groups = max(len(text_ids), len(values) // 4)
    text_ids += [pad] * (groups - len(text_ids))
    values += [6561] * (4 * groups - len(values))
    return [token for group in range(groups)
            for token in (text_ids[group], *(first + value for value in values[4 * group:4 * group + 4]))] + [end]


def spoken_case(case: dict, seed: int) -> dict:
    """The tokens to say and the seeds of all noise."""
    count, streaming = case["count"], case["variant"] is not None
    tokens = np.random.RandomState(seed).randint(0, 6561, count).tolist()
    frames = token2wav.vocoder_frames(count) if streaming else [2 * count]
    return {**case, "tokens": tokens, "cfm_noise": {"seed": seed + 1, "frames": 600},
            "source_noise": [{"seed": seed + 2 + call, "frames": length} for call, length in enumerate(frames)]}


def noise_of(asked: dict) -> tuple[np.ndarray, list[np.ndarray]]:
    """(cfm_noise [1, 80, N], source_noise of each call [1, 480 T, 9])."""
    cfm, source = asked["cfm_noise"], asked["source_noise"]
    return (recordings.noise(cfm["seed"], 1, 80, cfm["frames"]),
            [recordings.noise(call["seed"], 1, 480 * call["frames"], 9) for call in source])


def keeper(stages: dict[str, np.ndarray], prefix: str):
    """A function that keeps a stage, thinned out, and says how."""
    def keep(name: str, value: torch.Tensor) -> dict:
        array = value.detach().contiguous().numpy()
        stages[f"{prefix}.{name}"], stride = recordings.samples_of(array, MOST_VALUES)
        return {"shape": list(array.shape), "stride": stride}
    return keep


class Reference:
    """Hearing and answering."""

    def __init__(self, checkpoint: Checkpoint, base: bool) -> None:
        self.tokenizer, self.base = checkpoint.tokenizer, base
        self.ear, self.language, self.speaker = Ear(checkpoint), Language(checkpoint), SpeakerEncoder(checkpoint)
        self.first_audio = self.tokenizer.convert_tokens_to_ids("<audio_0>")

    def generate(self, messages: list[dict], folder: pathlib.Path, most: int, keep) -> dict:
        pieces: list[torch.Tensor] = []

        def groups_of(item: dict) -> list[str]:
            heard = hearing.pieces_of(folder / item["file"])
            pieces.extend(heard)
            return [prompt.audio_group(hearing.token_count(hearing.log_mel(piece).shape[1])) for piece in heard]

        ids = prompt.build(self.tokenizer, messages, self.base, groups_of).ids
        heard = self.ear.hear(pieces)
        answer = self.language.answer(ids, [piece.adaptor_out for piece in heard], most, LEAST_MARGIN)
        kept = {"first_logits": keep("first_logits", answer.first_logits)}
        for place, piece in enumerate(heard):
            for stage in ("log_mel", "encoder_out", "adaptor_out"):
                kept[f"{stage}.{place}"] = keep(f"{stage}.{place}", getattr(piece, stage))
        ended = answer.stop_reason == "length"
        return {"max_new_tokens": len(answer.ids) if ended else most, "prompt_ids": ids, "output_ids": answer.ids,
                "text": self.tokenizer.decode([token for token in answer.ids if token < self.language.audio_start]),
                "audio_tokens": [token - self.first_audio for token in answer.ids if token >= self.first_audio],
                "stop_reason": answer.stop_reason, "margin": answer.margin, "stages": kept}

    def score(self, messages: list[dict], folder: pathlib.Path) -> dict:
        def tokens_of(item: dict) -> list[list[int]]:
            sound = torch.cat(hearing.pieces_of(folder / item["file"]))
            return [[self.first_audio + token for token in self.speaker.tokens_of(sound)[0].tolist()]]

        found = prompt.build(self.tokenizer, messages, self.base, tokens_of)
        log_probs = self.language.score(found.ids, found.scored)
        return {"prompt_ids": found.ids, "scored_ids": [found.ids[place] for place in found.scored], "log_probs": log_probs,
                "mean": sum(log_probs) / len(log_probs)}


class Voiced:
    """Speaking."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.model, self.speaker = token2wav.Token2Wav.load(checkpoint), SpeakerEncoder(checkpoint)
        self.voices = checkpoint.folder / "assets"
        self.prompts: dict[str, SpeakerPrompt] = {}

    def speak(self, asked: dict, folder: pathlib.Path, keep) -> dict:
        voice = asked["voice"]
        if voice not in self.prompts:
            path = folder / voice if voice.endswith(".wav") else self.voices / f"{voice}.wav"
            self.prompts[voice] = self.speaker.encode(path)
        speaker, (cfm_noise, source_noise) = self.prompts[voice], noise_of(asked)
        if asked["variant"] is None:
            speech = self.model.offline(asked["tokens"], speaker, cfm_noise, source_noise[0])
        else:
            speech = token2wav.stream_all(self.model, asked["tokens"], speaker, asked["variant"], cfm_noise, source_noise)
        found = {"prompt_tokens": speaker.tokens[0], "speaker_embedding": speaker.embedding[0], "prompt_mel": speaker.mel[0],
                 "mel": speech.mel, "wave": speech.wave}
        return {"stages": {name: keep(name, value) for name, value in found.items()}}


def as_text(document: dict) -> str:
    """A line an entry: as short as it may be while a change of one case is seen as one."""
    lines = []
    for name, value in document.items():
        if isinstance(value, list):
            entries = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in value)
            lines.append(f"{json.dumps(name)}: [\n{entries}\n]")
        else:
            lines.append(f"{json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
