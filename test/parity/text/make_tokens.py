"""Writes what Hugging Face's tokenizers make of varied texts, for test/engine/text/byte_level_bpe_test.cpp.

    pip install tokenizers==0.22.1
    python make_tokens.py ../../../.deps/starter

tokens.txt     1,000 texts with the tokens of the starter's two tokenizers: SmolLM2's (brain) and Whisper's (ear).
gpt2.json, qwen2.json, llama3.json    small tokenizers in the layouts of these families, trained here;
gpt2.txt, qwen2.txt, llama3.txt       200 of the texts with their tokens.

A line a text. First the text, with bytes that are control characters, a backslash or no UTF-8 written \\xNN (those that are no
UTF-8 were given to the reference as U+FFFD). Then, after tabs, the tokens by each tokenizer: the ids as its library makes
them by default and, where they differ, " | " and the ids when special tokens are read as text.
"""
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
WORDS = """The quick brown fox jumps over the lazy dog. Don't you think we'd better go? I'M SURE THEY'LL SAY HE'S RIGHT.
café naïve Zürich Łódź Ærøskøbing Škoda İstanbul ıssız Straße ŒUVRE Việt Nam tiếng được ﬁnal ﬂow ǅ ß ſ K Å
Привет, как дела? Это — предложение. Щёлково Україна Ελληνικά γλώσσα ἀρχή հայերեն ქართული
שלום עולם שָׁלוֹם العربية مرحبا بالعالم ٱلرَّحْمَٰنِ اردو فارسی می‌خواهم
नमस्ते दुनिया क्षत्रिय বাংলা ভাষা தமிழ் தெலுగు ಕನ್ನಡ മലയാളം සිංහල ไทยสวัสดีครับ ລາວ မြန်မာ ខ្មែរ བོད་སྐད
你好世界，今天天气很好。 我們 日本語テキスト、カタカナ ひらがな ｶﾀｶﾅ ＦＵＬＬ 한국어 안녕하세요 각 ㄱㅏ 𠮷野家 𝕳𝖊𝖑𝖑𝖔 ᚠᚢᚦ ᐃᓄᒃ ⲁⲃⲅ 𐍈 አማርኛ
""".split()
PICTURES = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "❤", "1️⃣", "🧑🏿‍🚀", "☃", "♥", "🫠", "👨‍💻", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
NUMBERS = ["0", "7", "42", "1234567890", "3.14159", "1,000,000", "１２３", "٣٤٥", "४५६", "Ⅳ", "½", "²³", "①②", "一二三", "1e-5", "0xFF",
           "2024-05-17", "12:30", "$9.99", "50%", "3rd", "x2y3", "๑๒", "𝟘𝟙", "1²3½4"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n ", "\u00a0", "\u2003", "\u3000", "\u2028", "\u0085", "\u180e", "\u200b",
          "\u202f", "\x0b", "\x0c", "\x1c", "\ufeff", "          ", "\n" * 5, "\t\t\t", " " * 33, "\r\r", "\u1680", "\u205f"]
SIGNS = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»“”‘’…—–·•€£¥§¶©®™°±×÷≠≤∞√∑∂→⇒█░") + ["...", "!!!", "?!", "'''", "``", "--", "://",
                                                                                "=>", "&&", "</", "/>", "'s", "'S", "'ſ", "'Re", "''ll", "’s"]
CODE = ["def f(x):\n    return x**2  # square\n", "for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}", "<div class=\"a\">&nbsp;</div>",
        "SELECT * FROM t WHERE id='42';", "{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}", "git commit -m 'x' && echo $?",
        "https://example.com/a_b?q=%C3%A9&x=1#top", "user.name+tag@example.org", "C:\\Users\\me\\file.txt", "camelCaseAndSnake_case",
        "#include <vector>\n\nint main() { return 0; }\n", "\\frac{1}{2}", "a\u0000b", "\x1b[31mred\x1b[0m", "if x:\n\n\n        pass\n  \n"]
MARKS = ["e\u0301", "o\u0308\u0323", "\u1100\u1161\u11a8", "n\u0303", "\u0301", "a\u0327\u0301\u0300", "\u212b", "\u2126", "\u0958",
         "\ud7a3\u11a8", "q\u0307\u0323", "\u0344", "\uf900", "\u1e9b\u0323"]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|startoftranscript|>", "<|en|>", "<|notimestamps|>", "<|0.00|>", "<|im_end",
           "|>", "<|", "<|IM_END|>", "<| im_end |>", "<|im_start|>system\nobey<|im_end|>", "<repo_name>", "<file_sep>", "<empty_output>",
           "<tool_call>", "</tool_call>", "<|eot_id|>", "<|begin_of_text|>", "[PAD]", "<mask>", "wordy", "ÉLAN", "E\u0301LAN"]
BROKEN = [b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\x80", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x28\xa1",
          b"\xf0\x9f\x98a", b"\xfe\xfe", b"\xe9t\xe9", b"\xf8\x88\x80\x80\x80", b"\xe0\x80\x80"]


def texts(chance):
    def words(least, most):
        return " ".join(chance.choice(WORDS) for _ in range(chance.randint(least, most)))

    def mixed(kinds, least, most):
        return "".join(chance.choice(chance.choice(kinds)) for _ in range(chance.randint(least, most)))

    def around(piece):
        return chance.choice(["", "a", " ", "x ", "é", "7", "\n"]) + piece + chance.choice(["", "b", " ", " y", "é", "7", "\n\n"])

    yield ""
    for piece in SPACES + PICTURES + NUMBERS + SIGNS + CODE + MARKS + SPECIAL:
        yield around(piece)
    for piece in BROKEN:
        yield piece
        yield words(1, 1).encode() + piece + words(1, 1).encode()
    for letter in "a e0 Z!=-_ ":
        yield letter * chance.randint(33, 90)
    for _ in range(150):
        yield words(1, 6)
    for _ in range(80):
        yield mixed([WORDS, SPACES], 2, 7)
    for _ in range(80):
        yield mixed([NUMBERS, SIGNS, SPACES], 2, 6)
    for _ in range(60):
        yield mixed([PICTURES, WORDS, MARKS], 2, 4)
    for _ in range(60):
        yield mixed([SPECIAL, SPACES, WORDS], 2, 4)
    for _ in range(60):
        yield "".join(chr(chance.choice([chance.randrange(0x20, 0x250), chance.randrange(0x250, 0xd800),
                                         chance.randrange(0xe000, 0x110000)])) for _ in range(chance.randint(1, 7)))
    for _ in range(60):
        yield mixed([WORDS, PICTURES, SPACES], 1, 3).encode() + bytes(chance.randrange(256) for _ in range(chance.randint(1, 7)))
    while True:
        yield mixed([WORDS, NUMBERS, SIGNS, SPACES, CODE, PICTURES, MARKS, SPECIAL], 1, 6)


def distinct(count, seed):
    found = {}
    for text in texts(random.Random(seed)):
        found.setdefault(text if isinstance(text, bytes) else text.encode())
        if len(found) == count:
            return list(found)


def escaped(text):
    written = text.decode(errors="surrogateescape")
    return "".join(f"\\x{ord(c) & 0xff:02x}" if ord(c) < 32 or c in "\\\x7f" or 0xdc80 <= ord(c) <= 0xdcff else c
                   for c in written).encode()


def tokens(tokenizer, text):
    text = text.decode(errors="replace")
    ids = {}
    for as_text in (False, True):
        tokenizer.encode_special_tokens = as_text
        ids[as_text] = " ".join(map(str, tokenizer.encode(text, add_special_tokens=False).ids))
    return ids[False] if ids[False] == ids[True] else f"{ids[False]} | {ids[True]}"


def write(name, chosen, tokenizers):
    lines = [b"\t".join([escaped(text), *(tokens(tokenizer, text).encode() for tokenizer in tokenizers)]) for text in chosen]
    (HERE / name).write_bytes(b"\n".join(lines) + b"\n")


BYTES = pre_tokenizers.ByteLevel.alphabet()
CONTRACTIONS_AND_LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
SIGNS_AND_SPACES = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def split_at(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated", invert=False),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def trained(pre_tokenizer, added, normalizer=None, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(WORDS * 2 + CODE + NUMBERS + SPACES, trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=BYTES, show_progress=False))
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    return json.loads(tokenizer.to_str())


def special(content):
    return AddedToken(content, special=True, normalized=False)


def layouts():
    gpt2 = trained(pre_tokenizers.ByteLevel(add_prefix_space=True), [special("<|endoftext|>"), AddedToken("<mask>", lstrip=True)])
    gpt2["model"]["merges"] = [" ".join(merge) for merge in gpt2["model"]["merges"]]
    gpt2["model"]["unk_token"] = "<|endoftext|>"
    yield "gpt2", gpt2
    yield "qwen2", trained(
        split_at(CONTRACTIONS_AND_LETTERS + r"\p{N}" + SIGNS_AND_SPACES),
        [special("<|endoftext|>"), special("<|im_start|>"), special("<|im_end|>"),
         AddedToken("<tool_call>", normalized=False), AddedToken("</tool_call>", normalized=False),
         AddedToken("wordy", single_word=True), AddedToken("E\u0301LAN", normalized=True),
         AddedToken("[PAD]", lstrip=True, rstrip=True)], normalizers.NFC())
    llama3 = trained(split_at(CONTRACTIONS_AND_LETTERS + r"\p{N}{1,3}" + SIGNS_AND_SPACES),
                     [special("<|begin_of_text|>"), special("<|eot_id|>"), special("<|start_header_id|>"),
                      special("<|end_header_id|>")], ignore_merges=True)
    # A word that no merges lead to; it takes the id after the vocabulary's last.
    spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(" Привет")[0][0]
    llama3["model"]["vocab"][spelled] = len(llama3["model"]["vocab"])
    for token in llama3["added_tokens"]:
        token["id"] += 1
    yield "llama3", llama3


def main():
    starter = pathlib.Path(sys.argv[1])
    write("tokens.txt", distinct(1000, seed=1),
          [Tokenizer.from_file(str(starter / part / "tokenizer.json")) for part in ("brain", "ear")])
    for name, layout in layouts():
        text = json.dumps(layout, ensure_ascii=False, separators=(",", ":"))
        (HERE / f"{name}.json").write_text(text + "\n")
        chosen = random.Random(2).sample(distinct(1000, seed=3), 199) + ["x Привет".encode()]
        write(f"{name}.txt", chosen, [Tokenizer.from_str(text)])


main()
