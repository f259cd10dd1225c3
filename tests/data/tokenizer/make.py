"""Makes byte_level.json, characters.json and sentencepiece.json: small vocabularies, texts, and the ids llama.cpp gives them.

    pip install gguf
    npm install node-llama-cpp
    python make.py DIRECTORY_OF_NODE_MODULES

Whoever changes a text or a vocabulary runs it again; results depend on nothing but this file and llama.cpp.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

import gguf

HERE = pathlib.Path(__file__).parent
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

TOKENIZE = """
import { getLlama } from "node-llama-cpp";
import { readFileSync, writeFileSync } from "node:fs";
const { models, texts, out } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const results = [];
for (const modelPath of models) {
  const model = await llama.loadModel({ modelPath, vocabOnly: true });
  const ids = texts.map(([text, special]) => Array.from(model._model.tokenize(text, special)));
  const size = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const ends = [...Array(size).keys()].filter((id) => model._model.isEogToken(id));
  const adds = [model._model.shouldPrependBosToken(), model._model.shouldAppendEosToken()];
  const decoded = ids.map((ids) => model._model.detokenize(Uint32Array.from(ids), false));
  results.push({ ids, ends, adds, decoded });
  await model.dispose();
}
writeFileSync(out, JSON.stringify(results));
"""


def llama_cpp(modules, models, texts):
    """What llama.cpp makes of each (text, parse special tokens) with each model, a function of a writer."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        paths = []
        for index, model in enumerate(models):
            paths.append(str(folder / f"{index}.gguf"))
            writer = gguf.GGUFWriter(paths[-1], "llama")
            writer.add_context_length(64)
            writer.add_embedding_length(32)
            writer.add_block_count(1)
            writer.add_feed_forward_length(32)
            writer.add_head_count(1)
            writer.add_layer_norm_rms_eps(1e-5)
            model(writer)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.close()
        job = {"models": paths, "texts": texts, "out": str(folder / "out.json")}
        (folder / "job.json").write_text(json.dumps(job))
        script = pathlib.Path(modules) / "tokenize.mjs"
        script.write_text(TOKENIZE)
        try:
            subprocess.run(["node", script, folder / "job.json"], check=True, cwd=modules)
        finally:
            script.unlink()
        return json.loads((folder / "out.json").read_text())


# Byte-level BPE.

PRE_TOKENIZERS = [
    "default", "gpt-2", "smollm", "llama-bpe", "smaug-bpe", "qwen2", "qwen35", "gpt-4o", "tekken", "minicpm5",
    "deepseek-coder", "exaone4", "hunyuan-dense", "deepseek-v3", "seed-coder",
]  # fmt: skip

TEXTS = [
    "", " ", "  ", "   x", "\n", "\n\n x", " \n ", "\t\tx", "x \r\n\r\n y", "a\u00a0b \u00a0c", "x\u0085\u0085y", "x\u3000\u3000y\u2028\n",
    "don't I'LL we'Ve 'tis 'S 's's a's'x it'sx '", "'re've'm'd'll 'RE", "HELLOworld HelloWORLD helloWorld McDonald's iPhone's", "ABCdef XMLHttp ÉA ÉcoleÉ éA aÉb ΑΒγδ ΑB",
    "x1 12 123 1234 12345678 3.14 1,000", "½² ٣٤٥ Ⅷ x²y 12½345", "café naïve e\u0301te\u0301 \u0301x \u0301\u0302 1\u0301", "नमस्ते दुनिया हिन्दी", "日本語のテキスト、です。中文", "한국어 문장입니다",
    "Привет, как дела?", "مرحبا بالعالم", "😀 👩\u200d👩 x😀y", "http://example.com/?q=1&r=2#x", "a/b/c //x\n/\n /y", "!!!???... --- +=+ $5 ^~|`<>", "(x) [y] {z} <|im_end|>",
    "def f(x):\n    return x ** 2  # note\n\n\n\tpass", "snake_case __init__ kebab-case", "\u200b\ufeff\u0001\u007f", "x\u0000y", "€10 £5 ¥ © ™ °C", "a  b   c    d", "tail  ", "tail \n", "tail\n ", " 's 're", "1 2  3   4", "12 345 6789  0", "x\u0301\u0302y z\u0301 1",
]  # fmt: skip

POOLS = [
    "abcdefgst", "ABCDST", "0123456789", "    ", " \t\n\r", "\u00a0\u3000\u0085\u2003\u000b", "'", "!\"#%&()*,-./:;?@[\\]_{}", "$+<=>^`|~",
    "éàßñ", "ÉÀÑΩЖ", "жяαβ", "日本中文字", "のテかナ", "אבגد", "नमसहग", "\u0301\u0308\u093e\u094d\u0903", "²½٣Ⅷ９", "€£©°", "“”—…「。、", "😀👍🏽\u200d\ufe0f", "\u0000\u0001\u007f\u00ad",
]  # fmt: skip
PHRASES = ["'s", "'ll", "'RE", "'Ve", " the", " The", "ing", "123", "\r\n", "\n\n", "  ", "//", "'", "é", "HTTP"]


def random_text(rng):
    pools = rng.sample(POOLS, 4)
    parts = [rng.choice(PHRASES) if rng.random() < 0.25 else rng.choice(rng.choice(pools)) for _ in range(rng.randint(3, 24))]
    return "".join(parts)


def alphabet():
    """GPT-2's character for each byte."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(0x100 + index) for index, byte in enumerate(others)}


def learn_merges(sequences, count):
    """Merges that know no words, so that only the pre-tokenizer keeps them apart."""
    merges = []
    while len(merges) < count:
        pairs = {}
        for sequence in sequences:
            for pair in zip(sequence, sequence[1:]):
                pairs[pair] = pairs.get(pair, 0) + 1
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for index, sequence in enumerate(sequences):
            merged, at = [], 0
            while at < len(sequence):
                join = tuple(sequence[at : at + 2]) == best
                merged.append("".join(best) if join else sequence[at])
                at += 2 if join else 1
            sequences[index] = merged
    return merges


def byte_level(modules, random_count, merge_count):
    rng = random.Random(1)
    texts = TEXTS + [random_text(rng) for _ in range(random_count)]
    letters = alphabet()
    merges = learn_merges([[letters[byte] for byte in text.encode()] for text in texts], merge_count)
    tokens = [*letters.values()]
    for left, right in merges:
        if left + right not in tokens:
            tokens.append(left + right)
    # A byte that has no token: what stands around it must not merge.
    missing = alphabet()[ord("Q")]
    tokens[tokens.index(missing)] = "<|unused|>"
    texts.append("aQb theQthe")
    types = [CONTROL if token == "<|unused|>" else NORMAL for token in tokens]
    tokens.append("<|im_end|>")
    types.append(CONTROL)

    def model(pre):
        def write(writer):
            writer.add_tokenizer_model("gpt2")
            writer.add_tokenizer_pre(pre)
            writer.add_token_list(tokens)
            writer.add_token_types(types)
            writer.add_token_merges([f"{left} {right}" for left, right in merges])
            writer.add_bos_token_id(len(tokens) - 1)
            writer.add_eos_token_id(len(tokens) - 1)

        return write

    results = llama_cpp(modules, [model(pre) for pre in PRE_TOKENIZERS], [[text, False] for text in texts])
    return {
        "tokens": tokens,
        "types": types,
        "merges": [f"{left} {right}" for left, right in merges],
        "texts": texts,
        "results": {
            pre: {"adds_bos": result["adds"][0], "ids": result["ids"]} for pre, result in zip(PRE_TOKENIZERS, results)
        },
    }


# BPE of characters (Gemma 4).

# (No run of newlines that is not a token: at one, llama.cpp ends the process.)
CHARACTER_TEXTS = [
    "<|turn>user\nabc<turn|>\n<|turn>model\n", "<|tool_call>call:f{a:<|\"|>b c<|\"|>}<tool_call|>", "a\n\nb\n\n\nc", "▁a ▁", "x y▁z", "<0x41>", "<bos>a", "\r\n\r\n",
]  # fmt: skip


def characters(modules, random_count, merge_count):
    rng = random.Random(3)
    texts = TEXTS + CHARACTER_TEXTS + [random_text(rng) for _ in range(random_count)]
    lines = [list(line.replace(" ", "▁")) for text in texts for line in text.split("\n") if not set("<\0") & set(line)]
    merges = learn_merges(lines, merge_count)
    # Two bytes and some characters have no token, nor has a piece that is merged further.
    common = sorted({c for line in lines for c in line if line.count(c) > 1 and c.isprintable()} - {"Q"})
    gap = next(a + b for a, b in merges if any(a + b in pair for pair in merges))
    pieces = [["<pad>", CONTROL], ["<eos>", CONTROL], ["<bos>", CONTROL], ["<unk>", UNKNOWN]]
    pieces += [[f"<0x{byte:02X}>", BYTE] for byte in range(256) if byte not in (0x01, 0x7F)]
    pieces += [[f"<{name}>", CONTROL] for name in ["|turn", "turn|"]]
    pieces += [[f"<{name}>", USER_DEFINED] for name in ["|tool_call", "tool_call|", '|"|']]
    pieces += [[piece, NORMAL] for piece in ["\n", "\n\n", "\n\n\n", "<0x41>x", *common]]
    pieces += [[left + right, NORMAL] for left, right in merges if left + right != gap]
    pieces = list({piece: [piece, kind] for piece, kind in pieces}.values())
    texts = [[text, special] for text in texts for special in (False, True)]

    def model(writer):
        writer.add_tokenizer_model("gemma4")
        writer.add_token_list([piece for piece, _ in pieces])
        writer.add_token_scores([0.0] * len(pieces))
        writer.add_token_types([kind for _, kind in pieces])
        writer.add_token_merges([f"{left} {right}" for left, right in merges])
        writer.add_bos_token_id(2)
        writer.add_eos_token_id(1)
        writer.add_unk_token_id(3)
        # What the first files of Gemma 4 said, and llama.cpp does not follow.
        writer.add_add_bos_token(False)

    [result] = llama_cpp(modules, [model], texts)
    return {
        "pieces": pieces,
        "merges": [f"{left} {right}" for left, right in merges],
        "texts": texts,
        **{key: result[key] for key in ["ids", "ends", "adds"]},
    }


# SentencePiece.

VARIANTS = [
    {"name": "Llama", "options": {}},
    {"name": "Gemma", "options": {"add_space_prefix": False, "add_eos_token": True}},
    {"name": "Phi-3-mini", "options": {"add_bos_token": False}},
]
SPM_TEXTS = [
    ["", False], [" ", False], ["  ", False], ["a", False], [" a", False], ["  a", False], ["abc abc", False], ["zzz", False], ["a\nb\n\nc", False], ["日é日", False], ["😀", False], ["▁a ▁", False],
    ["<s>a</s>", False], ["<s>a</s>", True], ["<s> a </s> b", True], ["a<|end|>  \n b<tag> c", True], ["a<|end|>  \n b<tag> c", False], ["<|end|><|end|>a", True], ["<unk>a<unk>", True], ["<unk> a", True],
    ["xab|cd|x", True], ["xab|cd|x", False], ["ab|ab|cd|cd|", False], ["<|user|>\nabc<|end|>\n<|assistant|>\n", True], ["<0x41>a", False], ["<0x41>a", True], ["a  b   c    d", False], ["</s", True], ["<|endoftext|> a", True], ["a<|end|>\u000b\u000c b", True],
]  # fmt: skip


def sentencepiece(modules, random_count):
    rng = random.Random(2)
    pieces = [["<unk>", 0.0, UNKNOWN], ["<s>", 0.0, CONTROL], ["</s>", 0.0, CONTROL]]
    pieces += [[f"<0x{byte:02X}>", 0.0, BYTE] for byte in range(256)]
    letters = "abc▁é日<|>"
    made = sorted({"".join(rng.choice(letters[:6]) for _ in range(rng.randint(2, 5))) for _ in range(150)})
    made += [*letters, "\n", "▁▁", "▁▁▁▁", "<s", "s>", "<|", "|>", "zz"]
    # Few different scores, so that ties are many; above zero too.
    pieces += [[piece, rng.choice([-1.0, -2.0, -3.5, -4.0, 1.5, 0.0, -0.0, -1000.0]), NORMAL] for piece in made]
    special = ["<|end|>", "<|user|>", "<|assistant|>", "<|endoftext|>"]
    pieces += [[piece, -1000.0, CONTROL] for piece in special]
    pieces += [[piece, -1000.0, USER_DEFINED] for piece in ["<tag>", " " * 6, "\n\n", "ab|", "b|cd|", "x▁y"]]
    # (White space of a length of its own: llama.cpp leaves open which of two equally long tokens comes first.)
    pieces += [["aé", -0.5, UNUSED]]
    pieces = list({piece: [piece, score, kind] for piece, score, kind in pieces}.values())
    texts = list(SPM_TEXTS)
    parts = ["a", "b", "c", "ab", "bc", " ", "  ", " " * 7, "▁", "é", "日", "z", "\n", "<tag>", "<|end|>", "<s>", "</s>", "ab|", "cd|", "😀", "<|", "x y"]
    for _ in range(random_count):
        texts.append(["".join(rng.choice(parts) for _ in range(rng.randint(3, 30))), rng.random() < 0.5])

    def model(variant):
        def write(writer):
            writer.add_name(variant["name"])
            writer.add_tokenizer_model("llama")
            writer.add_token_list([piece for piece, _, _ in pieces])
            writer.add_token_scores([score for _, score, _ in pieces])
            writer.add_token_types([kind for _, _, kind in pieces])
            for option, value in variant["options"].items():
                writer.add_bool(f"tokenizer.ggml.{option}", value)

        return write

    results = llama_cpp(modules, [model(variant) for variant in VARIANTS], texts)
    keys = ["ids", "decoded", "ends", "adds"]
    return {
        "pieces": pieces,
        "texts": texts,
        "results": [variant | {key: result[key] for key in keys} for variant, result in zip(VARIANTS, results)],
    }


def save(name, value):
    """One line for each entry of each list, so that changes can be read."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    (HERE / name).write_text(text.replace('],["', '],\n["').replace("],[", "],\n[") + "\n")


if __name__ == "__main__":
    modules = sys.argv[1]
    save("byte_level.json", byte_level(modules, 60, 700))
    save("characters.json", characters(modules, 40, 300))
    save("sentencepiece.json", sentencepiece(modules, 60))
