"""Makes tiny text encoders of the architectures other than BERT's, and what native llama.cpp gives by them.

    pip install gguf numpy tokenizers
    npm install node-llama-cpp
    python architectures.py DIRECTORY_OF_NODE_MODULES

writes ARCHITECTURE.*.gguf and architectures.json. The two files of an architecture differ in what such files may differ
in: as f32 and q8_0 they hold different weights and, where there are any, different optional parts.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import zlib

import gguf
import make
import numpy
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

NODE = """
import { getLlama } from "node-llama-cpp";
import { readFileSync, writeFileSync } from "node:fs";
const { files, texts, out } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 1 });
const results = {};
for (const { modelPath, context } of files) {
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const embedding = await model.createEmbeddingContext({ contextSize: 512, batchSize: 512, threads: 1 });
  const [ids, vectors] = [[], []];
  const { bos, eos, sep } = model.tokens;
  for (const text of texts) {
    const tokens = [bos, ...model.tokenize(text), eos ?? sep];
    if (tokens.length > context) tokens.splice(context - 1, tokens.length - context);
    ids.push(tokens);
    vectors.push((await embedding.getEmbeddingFor(tokens)).vector);
  }
  results[modelPath] = { ids, vectors };
  await embedding.dispose();
  await model.dispose();
}
writeFileSync(out, JSON.stringify(results));
process.exit(0);
"""


class Encoder:
    """A file that is being made."""

    def __init__(self, architecture, kind, hidden=32, heads=4, feed_forward=64, layers=2, context=64):
        self.path = make.HERE / f"{architecture}.{kind.lower()}.gguf"
        self.kind = gguf.GGMLQuantizationType[kind]
        self.hidden, self.feed_forward, self.layers, self.context = hidden, feed_forward, layers, context
        self.random = numpy.random.default_rng(zlib.crc32(self.path.name.encode()))
        self.tensors = {}
        self.writer = gguf.GGUFWriter(self.path, architecture)
        self.writer.add_context_length(context)
        self.writer.add_embedding_length(hidden)
        self.writer.add_feed_forward_length(feed_forward)
        self.writer.add_block_count(layers)
        self.writer.add_head_count(heads)
        self.writer.add_causal_attention(False)
        by_cls = kind == "Q8_0" and architecture in ("jina-bert-v2", "modern-bert")
        self.writer.add_pooling_type(gguf.PoolingType.CLS if by_cls else gguf.PoolingType.MEAN)

    def matrix(self, name, cols, rows, scale=1.0):
        self.tensors[f"{name}.weight"] = self.random.normal(size=(rows, cols)) * scale / cols**0.5

    def bias(self, name, size):
        self.tensors[f"{name}.bias"] = 0.3 * self.random.normal(size=size)

    def linear(self, name, cols, rows, scale=1.0):
        self.matrix(name, cols, rows, scale)
        self.bias(name, rows)

    def weight(self, name, size):
        self.tensors[f"{name}.weight"] = 1 + 0.3 * self.random.normal(size=size)

    def norm(self, name, size):
        self.weight(name, size)
        self.bias(name, size)

    def blocks(self):
        return [f"blk.{layer}." for layer in range(self.layers)]

    def write(self):
        for name, values in self.tensors.items():
            # As llama.cpp converts them: token types, norms and biases stay as they are.
            is_plain = values.ndim == 1 or name.startswith("token_types")
            kind = gguf.GGMLQuantizationType.F32 if is_plain else self.kind
            self.writer.add_tensor(name, gguf.quantize(values.astype(numpy.float32), kind), raw_dtype=kind)
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def word_pieces(encoder):
    """The vocabulary of the tiny BERT, and its embeddings."""
    tokens, writer = make.vocabulary(), encoder.writer
    writer.add_layer_norm_eps(1e-12)
    writer.add_token_type_count(2)
    writer.add_tokenizer_model("bert")
    writer.add_token_list([make.spelled(token) for token in tokens])
    writer.add_token_types([3 if token in make.SPECIALS else 1 for token in tokens])
    writer.add_bos_token_id(tokens.index("[CLS]"))
    writer.add_sep_token_id(tokens.index("[SEP]"))
    writer.add_unk_token_id(tokens.index("[UNK]"))
    encoder.matrix("token_embd", encoder.hidden, len(tokens), encoder.hidden**0.5)
    encoder.matrix("token_types", encoder.hidden, 2)
    encoder.norm("token_embd_norm", encoder.hidden)


def nomic_bert(kind):
    encoder = Encoder("nomic-bert", kind)
    word_pieces(encoder)
    hidden, middle = encoder.hidden, encoder.feed_forward
    # The second file leaves it at the usual 10,000.
    if kind == "F32":
        encoder.writer.add_rope_freq_base(1000.0)
    for block in encoder.blocks():
        encoder.matrix(block + "attn_qkv", hidden, 3 * hidden, 1.5)
        encoder.matrix(block + "attn_output", hidden, hidden)
        encoder.norm(block + "attn_output_norm", hidden)
        encoder.matrix(block + "ffn_up", hidden, middle)
        encoder.matrix(block + "ffn_gate", hidden, middle)
        encoder.matrix(block + "ffn_down", middle, hidden)
        encoder.norm(block + "layer_output_norm", hidden)
    return encoder


def jina_bert_v2(kind):
    """With 3 heads, which is no power of two; gate and up in one matrix and more norms, or as the first converters wrote
    them."""
    encoder = Encoder("jina-bert-v2", kind, hidden=96, heads=3, layers=1)
    word_pieces(encoder)
    hidden, middle = encoder.hidden, encoder.feed_forward
    for block in encoder.blocks():
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            encoder.linear(block + name, hidden, hidden, 1.5)
        encoder.norm(block + "attn_output_norm", hidden)
        if kind == "F32":
            for name in ("attn_q_norm", "attn_k_norm", "attn_norm_2"):
                encoder.norm(block + name, hidden)
            encoder.matrix(block + "ffn_up", hidden, 2 * middle)
        else:
            encoder.matrix(block + "ffn_gate", hidden, middle)
            encoder.matrix(block + "ffn_up", hidden, middle)
        encoder.linear(block + "ffn_down", middle, hidden)
        encoder.norm(block + "layer_output_norm", hidden)
    return encoder


def bytes_and_merges(encoder):
    """A byte-level vocabulary that is learnt from the sentences."""
    specials = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    size = len(alphabet) + len(specials) + 60
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(make.SENTENCES, trainer)
    learnt = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(learnt["vocab"], key=learnt["vocab"].get)
    # As in the files of ModernBERT, runs of spaces are tokens of their own.
    tokens.append("  ")
    writer = encoder.writer
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("modern-bert")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in specials else 4 if token == "  " else 1 for token in tokens])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in learnt["merges"]])
    writer.add_bos_token_id(tokens.index("[CLS]"))
    writer.add_eos_token_id(tokens.index("[SEP]"))
    writer.add_sep_token_id(tokens.index("[SEP]"))
    writer.add_unk_token_id(tokens.index("[UNK]"))
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)
    encoder.matrix("token_embd", encoder.hidden, len(tokens), encoder.hidden**0.5)


def modern_bert(kind):
    encoder = Encoder("modern-bert", kind, layers=3, context=256)
    bytes_and_merges(encoder)
    hidden, middle, writer = encoder.hidden, encoder.feed_forward, encoder.writer
    writer.add_layer_norm_eps(1e-5)
    writer.add_sliding_window(10)
    writer.add_rope_freq_base(160000.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.NONE)
    if kind == "F32":
        writer.add_float32("modern-bert.rope.freq_base_swa", 1000.0)
        writer.add_sliding_window_pattern(2)
    else:
        writer.add_string("modern-bert.hidden_activation", "silu")
    encoder.weight("token_embd_norm", hidden)
    encoder.weight("output_norm", hidden)
    for layer, block in enumerate(encoder.blocks()):
        if layer > 0:
            encoder.weight(block + "attn_norm", hidden)
        encoder.matrix(block + "attn_qkv", hidden, 3 * hidden, 1.5)
        encoder.matrix(block + "attn_output", hidden, hidden)
        encoder.weight(block + "ffn_norm", hidden)
        encoder.matrix(block + "ffn_up", hidden, 2 * middle)
        encoder.matrix(block + "ffn_down", middle, hidden)
    return encoder


def scored_pieces(encoder):
    """A vocabulary of SentencePiece: characters of the sentences, some words, and single bytes."""
    text = "".join(make.SENTENCES).replace(" ", "\u2581")
    words = ["\u2581the", "\u2581is", "\u2581a", "th", "the", "er", "in", "ing", "re", "an", "at", "on", "es", "\u2581t", "\u2581i"]
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>"]
    kinds = [3, 3, 3, 2] + [6] * 256
    tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    # Rare characters are left to their bytes.
    pieces = words + sorted(character for character in set(text) if text.count(character) > 1)
    kinds += [1] * len(pieces)
    tokens += pieces
    writer = encoder.writer
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 260 + [-float(rank) for rank in range(len(pieces))])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_unk_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)
    writer.add_add_space_prefix(False)
    encoder.matrix("token_embd", encoder.hidden, len(tokens), 1)


def gemma_embedding(kind):
    head, heads, kv_heads, dense = 16, 4, 2, 64
    encoder = Encoder("gemma-embedding", kind, heads=heads, context=256)
    scored_pieces(encoder)
    hidden, middle, writer = encoder.hidden, encoder.feed_forward, encoder.writer
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_sliding_window(9)
    writer.add_rope_freq_base(1000000.0)
    if kind == "F32":
        writer.add_sliding_window_pattern(2)
        for key, size in (("2_feat_in", hidden), ("2_feat_out", dense), ("3_feat_in", dense), ("3_feat_out", hidden)):
            writer.add_uint32(f"gemma-embedding.dense_{key}", size)
        encoder.matrix("dense_2", hidden, dense)
        encoder.matrix("dense_3", dense, hidden)
    else:
        writer.add_sliding_window_pattern([False, True])
    encoder.weight("output_norm", hidden)
    for block in encoder.blocks():
        encoder.weight(block + "attn_norm", hidden)
        encoder.matrix(block + "attn_q", hidden, heads * head)
        encoder.matrix(block + "attn_k", hidden, kv_heads * head)
        encoder.matrix(block + "attn_v", hidden, kv_heads * head)
        encoder.weight(block + "attn_q_norm", head)
        encoder.weight(block + "attn_k_norm", head)
        encoder.matrix(block + "attn_output", heads * head, hidden)
        encoder.weight(block + "post_attention_norm", hidden)
        encoder.weight(block + "ffn_norm", hidden)
        encoder.matrix(block + "ffn_gate", hidden, middle)
        encoder.matrix(block + "ffn_up", hidden, middle)
        encoder.matrix(block + "ffn_down", middle, hidden)
        encoder.weight(block + "post_ffw_norm", hidden)
    return encoder


def llama_cpp(modules, encoders):
    """What llama.cpp makes of the sentences: ids, and embeddings of length 1, by file."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "node_modules").symlink_to(pathlib.Path(modules).resolve())
        (folder / "embed.mjs").write_text(NODE)
        files = [{"modelPath": str(encoder.path), "context": encoder.context} for encoder in encoders]
        job = {"files": files, "texts": make.SENTENCES, "out": str(folder / "out.json")}
        (folder / "job.json").write_text(json.dumps(job))
        subprocess.run(["node", folder / "embed.mjs", folder / "job.json"], check=True, cwd=folder)
        results = json.loads((folder / "out.json").read_text())
    for result in results.values():
        vectors = map(numpy.array, result["vectors"])
        result["vectors"] = [make.rounded(vector / numpy.linalg.norm(vector)) for vector in vectors]
    return results


def main(modules):
    makers = (nomic_bert, jina_bert_v2, modern_bert, gemma_embedding)
    encoders = [maker(kind) for maker in makers for kind in ("F32", "Q8_0")]
    for encoder in encoders:
        encoder.write()
    rows = {}
    for encoder, result in zip(encoders, llama_cpp(modules, encoders).values()):
        for what, lists in result.items():
            rows[f"{encoder.path.name} {what}"] = lists
    make.save("architectures.json", rows)


if __name__ == "__main__":
    main(sys.argv[1])
