"""The language model's tokenizer as one tokenizer.json with every added token, and the check that the tokens which the model
lives by are there.

The official folder has tokenizer.json, or vocab.json and merges.txt to make it from; tokens that were added later may stand
in added_tokens.json and tokenizer_config.json alone."""
import json
import pathlib
import re

# Qwen2's cutting of text into words, as its published tokenizer has it.
WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
AUDIO = re.compile(r"<audio_(\d+)>")
PADDING_TOKENS = 1  # <audio_6561>, behind the speech tokens, fills a slot that has no sound

REQUIRED = ("<|endoftext|>", "<|EOT|>", "<|BOT|>", "<audio_start>", "<audio_end>", "<audio_patch>", "<tts_start>", "<tts_end>",
            "<tts_pad>")
# Ids of the published checkpoints, whose vocabulary has this size: with these alone a number can be held against the text.
PUBLISHED_SIZE = 158720
PUBLISHED = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645, "<tool_call>": 151657,
             "</tool_call>": 151658, "<|EOT|>": 151665, "<audio_start>": 151688, "<audio_end>": 151689,
             "<audio_patch>": 151690, "<tts_start>": 151693, "<tts_end>": 151694, "<audio_0>": 151696,
             "<audio_6560>": 158256, "<audio_6561>": 158257}


def read(folder):
    """The content of tokenizer.json. Raises ValueError with a sentence."""
    folder = pathlib.Path(folder)
    whole = folder / "tokenizer.json"
    if whole.is_file():
        tokenizer = load(whole)
        if not isinstance(tokenizer, dict) or not isinstance(tokenizer.get("model"), dict):
            raise ValueError(f"{whole} is no tokenizer; expected an object with \"model\" and \"added_tokens\"")
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        tokenizer = made_from(load(folder / "vocab.json"), merges(folder / "merges.txt"))
    else:
        raise ValueError(f"{folder} has neither tokenizer.json nor vocab.json with merges.txt; fetch the tokenizer's files")
    add_tokens(tokenizer, folder)
    return tokenizer


def load(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def merges(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#version")]


def made_from(vocabulary, pairs):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": {"type": "NFC"},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Isolated", "invert": False}, BYTE_LEVEL]},
            "post_processor": BYTE_LEVEL, "decoder": BYTE_LEVEL,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
                      "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                      "vocab": vocabulary, "merges": pairs}}


def add_tokens(tokenizer, folder):
    """Tokens that only the files beside tokenizer.json know."""
    added = tokenizer.setdefault("added_tokens", [])
    known = {token["content"]: token["id"] for token in added} | tokenizer["model"].get("vocab", {})
    listed = {token["content"] for token in added}
    config = load(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    flags = {entry["content"]: entry for entry in config.get("added_tokens_decoder", {}).values()}
    ids = {entry["content"]: int(number) for number, entry in config.get("added_tokens_decoder", {}).items()}
    if (folder / "added_tokens.json").is_file():
        for content, number in load(folder / "added_tokens.json").items():
            if ids.setdefault(content, number) != number:
                raise ValueError(f"{folder}: {content} is {ids[content]} in tokenizer_config.json, but {number} in "
                                 "added_tokens.json")
    for content, number in sorted(ids.items(), key=lambda entry: entry[1]):
        if content in known and known[content] != number:
            raise ValueError(f"{folder}: {content} is {known[content]} in the tokenizer, but {number} in the files beside it")
        if content not in listed:
            said = {"special": re.fullmatch(r"<\|.*\|>", content) is not None} | flags.get(content, {})
            added.append({"id": number, "content": content} | {flag: bool(said.get(flag, False)) for flag in FLAGS})
    added.sort(key=lambda token: token["id"])


def problems(tokenizer, vocabulary_size, speech_tokens, source="tokenizer.json"):
    """A line for each token that is missing or has an id that cannot be. `speech_tokens`: how many token2wav knows."""
    ids = {**tokenizer["model"].get("vocab", {}), **{token["content"]: token["id"] for token in tokenizer["added_tokens"]}}
    lines = [f"{source}: missing the token {token}" for token in REQUIRED if token not in ids]
    lines += audio_problems(ids, speech_tokens, source)
    beyond = {token: number for token, number in ids.items() if number >= vocabulary_size}
    lines += [f"{source}: {token} is {number}, but the vocabulary has {vocabulary_size} rows"
              for token, number in beyond.items()]
    if vocabulary_size == PUBLISHED_SIZE:
        lines += [f"{source}: {token} is {ids.get(token, 'missing')}; the published checkpoints have it at {number}"
                  for token, number in PUBLISHED.items() if ids.get(token) != number]
    return lines


def audio_problems(ids, speech_tokens, source):
    """<audio_0>, <audio_1>, ... stand in a row: the speech tokens that token2wav knows, then the padding."""
    numbers = {int(match[1]): number for token, number in ids.items() if (match := AUDIO.fullmatch(token))}
    if not numbers:
        return [f"{source}: missing the token <audio_0> and those that follow it"]
    first, lines = numbers.get(0), []
    for place in range(max(numbers) + 1):
        if place not in numbers:
            lines.append(f"{source}: missing the token <audio_{place}>")
        elif first is not None and numbers[place] != first + place:
            lines.append(f"{source}: <audio_{place}> is {numbers[place]}; expected {first + place}, as the audio tokens stand "
                         "in a row")
    if max(numbers) > speech_tokens + PADDING_TOKENS - 1:
        lines.append(f"{source}: has <audio_{max(numbers)}>, but flow.yaml's vocab_size is {speech_tokens}: the last one "
                     f"should be <audio_{speech_tokens}>, the padding")
    return lines
