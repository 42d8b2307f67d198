"""A byte-level BPE tokenizer with a few hundred merges, and the family's added tokens in their published order."""
import collections
import json
import re

SPEECH_TOKENS = 6561
# The control tokens of Qwen2.5 (151643 to 151664 there).
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
           "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
           "<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>",
           "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>")
STEP = ("<|EOT|>", "<|BOT|>", "<|unused_0|>", "<|unused_1|>", "<audio_start>", "<audio_end>", "<audio_patch>",
        "<|unused_2|>", "<|unused_3|>", "<tts_start>", "<tts_end>", "<tts_pad>")
NOT_SPECIAL = ("<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
               "<|repo_name|>", "<|file_sep|>")
# The merges are those of this text, so that English and Chinese sentences and what prompts are made of become short.
SAMPLE = """
You are a helpful assistant. The weather is nice today, and the children are playing in the garden behind the house.
Please listen carefully to this audio and then translate its content into Chinese. What time is it? It is half past three.
She told me a story about a little boat that sailed around the world. system human assistant input tool_json_schemas
I would like to have a cup of tea with some honey, thank you very much. He said that they were there when we came home.
The quick brown fox jumps over the lazy dog; there is nothing that could not be done better with a good night's sleep.
Think about what the other people would say, and answer in a friendly voice. Numbers: one two three four five six seven.
function search query description string name type parameters object required properties value true false null
{"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}}}
</think </think </think <think <think reason step by step, then speak with the answer in the end.
请仔细聆听这段语音，然后将其内容翻译成中文并用语音播报。请记录下你所听到的语音内容。以自然的语速读出下面的文字。
今天天气很好，我们去公园散步吧。请用语音与我交流。你好，我是一个语音助手，很高兴认识你。谢谢你的帮助，再见。
"""
MERGES = 420
WORD = re.compile(r" ?</?think|'\w{1,2}| ?[^\W\d_]+| ?[^\s\w]+|\d|_|\s+")
WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")


class Tokenizer:
    def __init__(self):
        self.alphabet = byte_alphabet()
        self.merges = learn(self.alphabet)
        symbols = sorted(self.alphabet.values()) + [left + right for left, right in self.merges]
        self.base = {symbol: number for number, symbol in enumerate(dict.fromkeys(symbols))}
        added = [*CONTROL, *STEP, *(f"<audio_{number}>" for number in range(SPEECH_TOKENS + 1))]
        self.added = {token: len(self.base) + number for number, token in enumerate(added)}

    def __len__(self):
        return len(self.base) + len(self.added)

    def id(self, token):
        return self.added[token] if token in self.added else self.base[token]

    def write(self, folder):
        """The files that the official folder has."""
        entries = [{"id": number, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                    "normalized": False, "special": token not in NOT_SPECIAL} for token, number in self.added.items()]
        merges = [f"{left} {right}" for left, right in self.merges]
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
        write_json(folder / "tokenizer.json", {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": entries, "normalizer": {"type": "NFC"},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Isolated", "invert": False}, byte_level]},
            "post_processor": byte_level, "decoder": byte_level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
                      "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                      "vocab": self.base, "merges": merges}})
        write_json(folder / "vocab.json", self.base)
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
        write_json(folder / "added_tokens.json", self.added)
        write_json(folder / "special_tokens_map.json", {"eos_token": "<|EOT|>", "pad_token": "<|endoftext|>"})
        write_json(folder / "tokenizer_config.json", {
            "add_prefix_space": False,
            "added_tokens_decoder": {str(entry["id"]): {key: value for key, value in entry.items() if key != "id"}
                                     for entry in entries},
            "clean_up_tokenization_spaces": False, "eos_token": "<|EOT|>", "errors": "replace", "model_max_length": 16384,
            "pad_token": "<|endoftext|>", "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer",
            "unk_token": None})


def byte_alphabet():
    """GPT-2's printable character for each byte."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + place) for place, byte in enumerate(others)}


def learn(alphabet):
    """Byte-pair encoding: the most frequent pair of neighbours becomes a symbol, again and again."""
    words = collections.Counter("".join(alphabet[byte] for byte in word.encode()) for word in WORD.findall(SAMPLE))
    pieces = {word: list(word) for word in words}
    merges = []
    while len(merges) < MERGES:
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(pieces[word], pieces[word][1:]):
                pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word, symbols in pieces.items():
            joined, place = [], 0
            while place < len(symbols):
                if tuple(symbols[place:place + 2]) == best:
                    joined.append("".join(best))
                    place += 2
                else:
                    joined.append(symbols[place])
                    place += 1
            pieces[word] = joined
    return merges


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
