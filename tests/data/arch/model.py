"""A tiny model in the making, with random weights, and the file it is written to: what `make.py` makes models of."""

import pathlib
import zlib

import gguf
import numpy

HIDDEN, HEAD, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 32, 8, 4, 2, 32, 64
SPECIALS = ["<|begin|>", "<|end|>"]
# Some printable characters, and the spellings of space and newline: 64 tokens in all.
TOKENS = [chr(c) for c in range(ord("!"), ord("!") + 60)] + ["Ġ", "Ċ"] + SPECIALS
HERE = pathlib.Path(__file__).parent
# Where the halves that scale a block of each type lie, with their ratio: the minima of Q2_K have a mean of the weights'.
HALVES = {"Q2_K": {80: 1.0, 82: 1.5}, "Q3_K": {108: 1.0}, "IQ4_NL": {0: 1.0}, "IQ4_XS": {0: 1.0}}
HALVES |= {"Q1_0": {0: 1.0}, "TQ1_0": {52: 1.0}, "TQ2_0": {64: 1.0}}
HALVES |= {name: {0: 1.0} for name in ("IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S")}
# The half of IQ1_M is in the upper bits of four bytes from here on.
HALVES |= {"IQ1_M": {49: 1.0}}


def dequantize(blocks, kind):
    """The values of blocks; `gguf` has no way for Q1_0, where a block is a half and 128 signs."""
    if kind != gguf.GGMLQuantizationType.Q1_0:
        return gguf.dequantize(blocks, kind)
    blocks = blocks.reshape(len(blocks), -1, 18)
    scale = blocks[..., :2].copy().view(numpy.float16).astype(numpy.float32)
    signs = numpy.unpackbits(blocks[..., 2:], axis=-1, bitorder="little").astype(numpy.float32)
    return (scale * (2 * signs - 1)).reshape(len(blocks), -1)


def random_blocks(random, kind, like):
    """Blocks of random bits with scales of their own, whose values spread as those of `like`; and the values."""
    if kind == "MXFP4":
        blocks = gguf.quantize(like, gguf.GGMLQuantizationType.MXFP4)
        return blocks, gguf.dequantize(blocks, gguf.GGMLQuantizationType.MXFP4)
    kind, halves = gguf.GGMLQuantizationType[kind], HALVES[kind]
    length, size = gguf.GGML_QUANT_SIZES[kind]
    rows, columns = like.shape
    blocks = random.integers(0, 256, (rows * columns // length, size), dtype=numpy.uint8)
    scales = {at: ratio * random.uniform(0.5, 1.5, len(blocks)) for at, ratio in halves.items()}

    def scaled(by):
        for at, scale in scales.items():
            half = (by * scale).astype(numpy.float16)
            if kind == gguf.GGMLQuantizationType.IQ1_M:
                for i, byte in enumerate(range(at, at + 8, 2)):
                    blocks[:, byte] = blocks[:, byte] & 15 | (half.view(numpy.uint16) >> 4 * i & 15) << 4
            else:
                blocks[:, at : at + 2] = half.view(numpy.uint8).reshape(-1, 2)
        return dequantize(blocks.reshape(rows, -1), kind)

    values = scaled(like.std() / scaled(1.0).std())
    return blocks.reshape(rows, -1), values


class Model:
    """A file in the making: keys and tensors by name, fastest dimension last as numpy has it."""

    def __init__(self, name, arch, layers, hidden=HIDDEN, feed_forward=FEED_FORWARD, **keys):
        self.name, self.arch, self.layers = name, arch, layers
        self.hidden, self.feed_forward_length = hidden, feed_forward
        self.keys = {
            "context_length": CONTEXT,
            "embedding_length": hidden,
            "block_count": layers,
            "feed_forward_length": feed_forward,
            "attention.head_count": HEADS,
            "attention.head_count_kv": KV_HEADS,
            **{key.replace("__", "."): value for key, value in keys.items()},
        }
        self.random = numpy.random.default_rng(zlib.crc32(name.encode()))
        self.tensors = {}
        # What a mixed file has in place of matrices: blocks, and their type.
        self.blocks = {}

    def head(self):
        return self.keys.get("attention.key_length", HEAD)

    def matrix(self, name, rows, cols, size=1.5, bias=False):
        weights = self.random.normal(size=(rows, cols)) * size / cols**0.5
        self.tensors[f"{name}.weight"] = weights.astype(numpy.float32)
        if bias:
            self.vector(f"{name}.bias", rows, 0.0, 0.3)

    def vector(self, name, shape, mean=1.0, deviation=0.3):
        values = mean + deviation * self.random.normal(size=shape)
        self.tensors[name] = values.astype(numpy.float32)

    def norm(self, name, bias=False, mean=1.0):
        size = self.hidden
        self.vector(f"{name}.weight", size, mean)
        if bias:
            self.vector(f"{name}.bias", size, 0.0)

    def outside(self, output=True, norm_bias=False, output_bias=False, embedding=1.0):
        self.matrix("token_embd", len(TOKENS), self.hidden, size=embedding * self.hidden**0.5)
        self.norm("output_norm", norm_bias)
        if output:
            self.matrix("output", len(TOKENS), self.hidden, size=4.0, bias=output_bias)

    def every_layer(self):
        return [f"blk.{layer}" for layer in range(self.layers)]

    def kv_heads(self):
        """Key and value heads of every layer: none in those that convolve."""
        heads = self.keys["attention.head_count_kv"]
        return heads if isinstance(heads, list) else [heads] * self.layers

    def attention(self, qkv_bias=False, bias=False, fused=False, size=1.5):
        query = HEADS * self.head()
        for at, heads in zip(self.every_layer(), self.kv_heads()):
            kv = heads * self.head()
            if kv == 0:
                continue
            if fused:
                self.matrix(f"{at}.attn_qkv", query + 2 * kv, self.hidden, bias=qkv_bias)
            else:
                for name, rows in [("q", query), ("k", kv), ("v", kv)]:
                    self.matrix(f"{at}.attn_{name}", rows, self.hidden, bias=qkv_bias)
            self.matrix(f"{at}.attn_output", self.hidden, query, size, bias=bias)

    def feed_forward(self, gate="separate", bias=False, size=1.5, last=None):
        for at in self.every_layer()[:last]:
            if gate == "separate":
                self.matrix(f"{at}.ffn_gate", self.feed_forward_length, self.hidden, bias=bias)
            rows = 2 * self.feed_forward_length if gate == "fused" else self.feed_forward_length
            self.matrix(f"{at}.ffn_up", rows, self.hidden, bias=bias)
            self.matrix(f"{at}.ffn_down", self.hidden, self.feed_forward_length, size, bias=bias)

    def experts(self, count, length, shared=0, first=0, bias=False, spread=2.0, inner=1.5, biases=False):
        """Mixtures of experts in the layers from `first` on; the outputs of the router spread over `spread`."""
        for at in self.every_layer()[first:]:
            self.matrix(f"{at}.ffn_gate_inp", count, self.hidden, spread, bias=biases)
            for name, rows, cols, size in [
                ("gate", length, self.hidden, inner),
                ("up", length, self.hidden, inner),
                ("down", self.hidden, length, 1.5),
            ]:
                weights = self.random.normal(size=(count, rows, cols)) * size / cols**0.5
                self.tensors[f"{at}.ffn_{name}_exps.weight"] = weights.astype(numpy.float32)
                if biases:
                    self.vector(f"{at}.ffn_{name}_exps.bias", (count, rows), 0.0, 0.3)
            if bias:
                self.vector(f"{at}.exp_probs_b.bias", count, 0.0, 0.3)
            if shared:
                self.matrix(f"{at}.ffn_gate_shexp", shared, self.hidden)
                self.matrix(f"{at}.ffn_up_shexp", shared, self.hidden)
                self.matrix(f"{at}.ffn_down_shexp", self.hidden, shared)

    def norms(self, *names, bias=False, mean=1.0):
        for at in self.every_layer():
            for name in names:
                self.norm(f"{at}.{name}", bias, mean=mean)

    def query_key_norms(self, query, key):
        for at, heads in zip(self.every_layer(), self.kv_heads()):
            if heads:
                self.vector(f"{at}.attn_q_norm.weight", query)
                self.vector(f"{at}.attn_k_norm.weight", key)

    def convolutions(self, length):
        for at, heads in zip(self.every_layer(), self.kv_heads()):
            if heads == 0:
                self.matrix(f"{at}.shortconv.in_proj", 3 * self.hidden, self.hidden)
                self.vector(f"{at}.shortconv.conv.weight", (self.hidden, length), 0.0, 0.7)
                self.matrix(f"{at}.shortconv.out_proj", self.hidden, self.hidden)

    def scales(self):
        """What the products with each matrix of a layer are multiplied by, one number for each expert: as beside NVFP4."""
        for name, values in list(self.tensors.items()):
            if name.startswith("blk.") and values.ndim > 1 and name.endswith(".weight"):
                stem = name.removesuffix(".weight")
                count = len(values) if values.ndim == 3 else 1
                # The router has none.
                if not stem.endswith("ffn_gate_inp"):
                    self.vector(f"{stem}.scale", count, 1.0, 0.3)
                    self.vector(f"{stem}.input_scale", count, 0.1, 0.0)
        return self

    def mix(self, kinds):
        """Makes every matrix one of random blocks of these types."""
        for name, values in self.tensors.items():
            if values.ndim == 2:
                kind = kinds[name.split(".")[-2]]
                blocks, self.tensors[name] = random_blocks(self.random, kind, values)
                self.blocks[name] = blocks, kind

    def write(self, kind):
        writer = gguf.GGUFWriter(HERE / f"{self.name}.{kind}.gguf", self.arch)
        for key, value in self.keys.items():
            key = f"{self.arch}.{key}"
            if isinstance(value, bool):
                writer.add_bool(key, value)
            elif isinstance(value, int):
                writer.add_uint32(key, value)
            elif isinstance(value, float):
                writer.add_float32(key, value)
            elif isinstance(value, list):
                writer.add_array(key, value)
            else:
                writer.add_string(key, value)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_list(TOKENS)
        control = [gguf.TokenType.CONTROL] * len(SPECIALS)
        writer.add_token_types([gguf.TokenType.NORMAL] * (len(TOKENS) - len(SPECIALS)) + control)
        writer.add_token_merges(["A B"])
        writer.add_bos_token_id(len(TOKENS) - 2)
        writer.add_eos_token_id(len(TOKENS) - 1)
        writer.add_add_bos_token(False)
        for name, values in self.tensors.items():
            # What llama.cpp quantises: matrices, but neither norms nor positions nor routers nor the kernels of
            # convolutions nor the projection to the vectors of all layers.
            floats = ("norm", "position", "gate_inp", "conv.conv", "conv1d", "per_layer_model_proj")
            quantizes = values.ndim > 1 and name.endswith(".weight") and not any(part in name for part in floats)
            if kind == "q8_0" and quantizes:
                q8_0 = gguf.GGMLQuantizationType.Q8_0
                writer.add_tensor(name, gguf.quantize(values, q8_0), raw_dtype=q8_0)
            elif kind == "mxfp4" and name.endswith("_exps.weight"):
                mxfp4 = gguf.GGMLQuantizationType.MXFP4
                writer.add_tensor(name, gguf.quantize(values, mxfp4), raw_dtype=mxfp4)
            elif kind in ("mixed", "q1_0") and name in self.blocks:
                blocks, of_matrix = self.blocks[name]
                writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType[of_matrix])
            else:
                writer.add_tensor(name, values)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
