"""Writes what happens inside a model at the last token of a context, computed in float64 with numpy alone:
`python3 tests/data/inside/make.py SMOLLM2.gguf`.

For three models of `tests/data/arch` and, where it is given, a file of SmolLM2, it writes a JSON file here with

- `model`: the name of the model's file,
- `ids`: the tokens of the context,
- `hidden`: the last token's hidden vector, after the final norm,
- `layers`: of every layer, the five tokens that its residual stream makes the most likely through the final norm and
  the head (the logit lens; nostalgebraist 2020), each as [id, natural logarithm of its probability],
- `attention`: by a layer's index, for every query head, the last token's weight of every position, which is 0 outside
  a sliding window. Layers that convolve have none, and SmolLM2 has three of its 30 layers here.

Of SmolLM2 it also writes `rounded`, the same layers and attention with what enters a matrix rounded to 8 bits, as the
engine does. A rounding that falls the other way, for a difference in the seventh digit, moves the residual stream by a
thousandth, and grows to some hundredths in thirty layers. So each layer starts there from the engine's own residual
stream, which is in `SmolLM2-135M-Instruct.Q4_1.streams`: floats, `[layer][hidden]` of the last token, then those of the
tokens before it that enter layers 14 and 29, `[layer][token][hidden]`. The engine writes that file:
`NEXTTOKEN_WRITE_STREAMS=1 cargo test --test internals`.

Needs PyPI `gguf` and `numpy`. Elsewhere activations are floats even where weights are quantised. The probabilities of the tiny
models are compared with those of llama.cpp (`tests/data/arch/reference.json`), and the errors printed.
"""

import json
import pathlib
import sys

import gguf
import numpy

HERE = pathlib.Path(__file__).parent
ARCH = HERE.parent / "arch"
TINY = ["llama.f32.gguf", "gemma3.f32.gguf", "lfm2.f32.gguf"]
TEXT = ["The", "Ġcapital", "Ġof", "ĠFrance", "Ġis"]
SMOLLM2_LAYERS = [0, 14, 29]
BEST = 5
FLOATS = [gguf.GGMLQuantizationType[name] for name in ("F32", "F16", "BF16")]


class File:
    """The metadata and the tensors of a GGUF file; `unread` has the names of the tensors not yet asked for."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.fields = reader.fields
        self.tensors = {tensor.name: tensor for tensor in reader.tensors}
        self.unread = set(self.tensors)
        self.architecture = self.fields["general.architecture"].contents()

    def key(self, name, usual=None):
        field = self.fields.get(f"{self.architecture}.{name}")
        return usual if field is None else field.contents()

    def tensor(self, name):
        """A matrix is [rows][columns], so that it is applied as `x @ matrix.T`."""
        name = f"{name}.weight"
        self.unread.discard(name)
        tensor = self.tensors[name]
        return gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float64)

    def has(self, name):
        return f"{name}.weight" in self.tensors

    def is_quantized(self, name):
        return self.tensors[f"{name}.weight"].tensor_type not in FLOATS


def round_to_8_bits(x):
    """Blocks of 32 values as integers of -127 to 127 times a scale, which is rounded to half precision: `Q8_0` of GGUF but
    for the rounding of ties, and what the engine and llama.cpp do with the input of a quantised matrix."""
    blocks = x.astype(numpy.float32).reshape(*x.shape[:-1], -1, 32)
    largest = abs(blocks).max(axis=-1, keepdims=True)
    inverse = numpy.float32(127) / numpy.where(largest == 0, numpy.float32(1), largest)
    scale = (largest / numpy.float32(127)).astype(numpy.float16).astype(numpy.float64)
    return (numpy.rint(blocks * inverse) * scale).reshape(x.shape)


def silu(x):
    return x / (1 + numpy.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + numpy.tanh((2 / numpy.pi) ** 0.5 * (x + 0.044715 * x**3)))


def softmax(x):
    x = numpy.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def rotate(x, base, factor, halves):
    """RoPE of x[position][head][dimension]: the pairs of a head lie half a head apart, or are neighbours."""
    half = x.shape[-1] // 2
    position = numpy.arange(len(x))[:, None, None]
    angle = position / factor * base ** (-numpy.arange(half) / half)
    at = [slice(half), slice(half, None)] if halves else [slice(0, None, 2), slice(1, None, 2)]
    turned = (x[..., at[0]] + 1j * x[..., at[1]]) * numpy.exp(1j * angle)
    out = numpy.empty_like(x)
    out[..., at[0]], out[..., at[1]] = turned.real, turned.imag
    return out


class Model:
    """With `rounds`, what enters a quantised matrix is rounded to 8 bits, as the engine does."""

    def __init__(self, path, rounds=False):
        self.file = File(path)
        self.rounds = rounds
        self.gemma = self.file.architecture == "gemma3"
        # Files of llama have the rows of queries and keys in an order for pairs of neighbours.
        self.halves = {"llama": False, "gemma3": True, "lfm2": True}[self.file.architecture]
        self.layers = self.file.key("block_count")
        self.heads = self.file.key("attention.head_count")
        kv_heads = self.file.key("attention.head_count_kv", self.heads)
        self.kv_heads = kv_heads if isinstance(kv_heads, list) else [kv_heads] * self.layers
        self.head_size = self.file.key("attention.key_length", self.file.key("embedding_length") // self.heads)
        assert self.file.key("rope.dimension_count", self.head_size) == self.head_size

    def norm(self, name, x):
        """RMSNorm; the weights of Gemma in GGUF have their 1 added."""
        epsilon = self.file.key("attention.layer_norm_rms_epsilon")
        return x / numpy.sqrt((x * x).mean(axis=-1, keepdims=True) + epsilon) * self.file.tensor(name)

    def norm_if_any(self, name, x):
        return self.norm(name, x) if self.file.has(name) else x

    def apply(self, name, x):
        """A matrix product, whose input is rounded where the matrix is quantised and the engine's rounding is asked for."""
        if self.rounds and self.file.is_quantized(name):
            x = round_to_8_bits(x)
        return x @ self.file.tensor(name).T

    def positions(self, layer):
        """A layer's window, and the base and the divisor of its frequencies."""
        if self.gemma and layer % 6 < 5:
            return self.file.key("attention.sliding_window"), 10000.0, 1.0
        return None, self.file.key("rope.freq_base", 10000.0), self.file.key("rope.scaling.factor", 1.0)

    def mix(self, layer, x):
        """What attention or a convolution adds to the residual streams x[position], and the former's weights."""
        normed = self.norm(f"blk.{layer}.attn_norm", x)
        mixed, weights = self.attend(layer, normed) if self.kv_heads[layer] else (self.convolve(layer, normed), None)
        return self.norm_if_any(f"blk.{layer}.post_attention_norm", mixed), weights

    def attend(self, layer, x):
        """The outputs of all positions, and the weights[head][position] of the last."""
        at, length = f"blk.{layer}", len(x)
        window, base, factor = self.positions(layer)
        q, k, v = [self.apply(f"{at}.attn_{name}", x).reshape(length, -1, self.head_size) for name in "qkv"]
        q, k = [self.norm_if_any(f"{at}.attn_{name}_norm", x) for name, x in [("q", q), ("k", k)]]
        q, k = [rotate(x, base, factor, self.halves) for x in (q, k)]
        # Each key and value serves a group of query heads.
        k, v = [x.repeat(self.heads // self.kv_heads[layer], axis=1) for x in (k, v)]
        scores = numpy.einsum("ihd,jhd->hij", q, k) / self.head_size**0.5
        distance = numpy.arange(length)[:, None] - numpy.arange(length)
        seen = (distance >= 0) & (distance < (window or length))
        weights = softmax(numpy.where(seen, scores, -numpy.inf))
        mixed = numpy.einsum("hij,jhd->ihd", weights, v).reshape(length, -1)
        return self.apply(f"{at}.attn_output", mixed), weights[:, -1]

    def convolve(self, layer, x):
        """LFM2's short convolution, which reads a position and those before it."""
        at = f"blk.{layer}.shortconv"
        input_gates, output_gates, values = numpy.split(self.apply(f"{at}.in_proj", x), 3, axis=-1)
        kernel = self.file.tensor(f"{at}.conv")
        taps = kernel.shape[1]
        padded = numpy.pad(input_gates * values, ((taps - 1, 0), (0, 0)))
        mixed = sum(padded[tap : tap + len(x)] * kernel[:, tap] for tap in range(taps))
        return self.apply(f"{at}.out_proj", output_gates * mixed)

    def feed_forward(self, layer, x):
        at, activation = f"blk.{layer}.ffn", gelu if self.gemma else silu
        return self.apply(f"{at}_down", activation(self.apply(f"{at}_gate", x)) * self.apply(f"{at}_up", x))

    def run(self, ids):
        """The residual streams[layer][position], and by a layer's index the attention of the last position."""
        x = self.file.tensor("token_embd")[ids]
        if self.gemma:
            x = x * x.shape[1] ** 0.5
        streams, attention = [], {}
        for layer in range(self.layers):
            at = f"blk.{layer}"
            mixed, weights = self.mix(layer, x)
            if weights is not None:
                attention[layer] = weights
            x = x + mixed
            transformed = self.feed_forward(layer, self.norm(f"{at}.ffn_norm", x))
            x = x + self.norm_if_any(f"{at}.post_ffw_norm", transformed)
            streams.append(x)
        return numpy.stack(streams), attention

    def final_norm(self, x):
        return self.norm("output_norm" if self.file.has("output_norm") else "token_embd_norm", x)

    def log_probabilities(self, hidden):
        logits = self.apply("output" if self.file.has("output") else "token_embd", hidden)
        logits -= logits.max(axis=-1, keepdims=True)
        return logits - numpy.log(numpy.exp(logits).sum(axis=-1, keepdims=True))


def rounded(values):
    """Numbers of 7 significant digits, in lists as the array has them."""
    return [rounded(value) for value in values] if numpy.ndim(values) else float(f"{values:.7g}")


def look_inside(path, ids, layers=None, expected=None):
    """What is in the file of one model, with the attention of these layers or of all."""
    model = Model(path)
    streams, attention = model.run(ids)
    hidden = model.final_norm(streams[:, -1])
    lens = model.log_probabilities(hidden)
    if expected:
        ours = numpy.exp(model.log_probabilities(model.final_norm(streams[-1])))
        errors = [abs(ours[i, id] / p - 1) for i, best in enumerate(expected) for id, p in best]
        same = sum(row.argmax() == best[0][0] for row, best in zip(ours, expected))
        print(f"{path.name}: {len(errors)} probabilities within {max(errors):.2g} of llama.cpp's, {same} best the same")
        assert max(errors) < 0.01 and same == len(expected)
    assert not model.file.unread, model.file.unread
    inside = {
        "model": path.name,
        "ids": ids,
        "hidden": rounded(hidden[-1]),
        "layers": best_tokens(lens),
        "attention": {str(layer): rounded(attention[layer]) for layer in layers or attention},
    }
    return model, inside


def best_tokens(lens):
    """The most likely tokens of every layer, each with the logarithm of its probability."""
    best = [numpy.argsort(-row, kind="stable")[:BEST] for row in lens]
    return [[[int(id), rounded(row[id])] for id in five] for row, five in zip(lens, best)]


def write(path, inside):
    text = json.dumps(inside, separators=(",", ":"))
    (HERE / path.with_suffix(".json").name).write_text(text + "\n")


def look_from_streams(path, ids):
    """The lens of the engine's own residual streams, and the attention that begins with them, with inputs rounded."""
    model = Model(path, rounds=True)
    size, before = model.file.key("embedding_length"), len(ids) - 1
    numbers = numpy.fromfile(HERE / path.with_suffix(".streams").name, "<f4").astype(numpy.float64)
    last, others = numpy.split(numbers, [model.layers * size])
    last, others = last.reshape(model.layers, size), others.reshape(-1, before, size)
    entering = {0: model.file.tensor("token_embd")[ids]}
    for layer, other in zip(SMOLLM2_LAYERS[1:], others, strict=True):
        entering[layer] = numpy.vstack([other, last[layer - 1]])
    lens = model.log_probabilities(model.final_norm(last))
    attention = {str(layer): rounded(model.mix(layer, x)[1]) for layer, x in entering.items()}
    return {"layers": best_tokens(lens), "attention": attention}


def main():
    reference = json.loads((ARCH / "reference.json").read_text())
    for name in TINY:
        _, inside = look_inside(ARCH / name, reference["ids"], expected=reference["models"][name])
        write(ARCH / name, inside)
    for path in map(pathlib.Path, sys.argv[1:]):
        tokens = File(path).fields["tokenizer.ggml.tokens"].contents()
        # Each word is a token.
        model, inside = look_inside(path, [tokens.index(token) for token in TEXT], SMOLLM2_LAYERS)
        inside["rounded"] = look_from_streams(path, inside["ids"])
        write(path, inside)
        print(f"{path.name}: {''.join(TEXT)} → {[tokens[id] for id, _ in inside['layers'][-1]]}")


main()
