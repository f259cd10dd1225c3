"""Gradients of LoRA updates from an independent computation in double precision: `python make.py`.

The models are tiny ones of `tests/data/arch`, one of them quantised (Q8_0, which the engine keeps exactly); the forward
pass is numpy, and `autograd` derives it. Needs PyPI `autograd`, `gguf` and `numpy`. For each model writes an adapter
(`NAME.gguf`), the gradient of the loss by each of its tensors (`NAME-gradient.gguf`), and to `reference.json` the
sequences, which of their tokens count, and the loss of each that does, in nats.
"""

import json
import pathlib
import zlib

import autograd
import autograd.numpy as np
import gguf
import numpy

HERE = pathlib.Path(__file__).parent
ARCH = HERE.parent / "arch"
RANK, ALPHA = 3, 6.0
LAYER = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def norm(x, weight, epsilon):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon) * weight


def rope(x, base, halves):
    """Rotates `x[position][head][dimension]`."""
    positions, _, size = x.shape
    angle = numpy.outer(numpy.arange(positions), base ** (-2 * numpy.arange(size // 2) / size))[:, None, :]
    cos, sin = numpy.cos(angle), numpy.sin(angle)
    one, other = (x[..., : size // 2], x[..., size // 2 :]) if halves else (x[..., 0::2], x[..., 1::2])
    parts = one * cos - other * sin, one * sin + other * cos
    return np.concatenate(parts, axis=-1) if halves else np.stack(parts, axis=-1).reshape(x.shape)


class Model:
    def __init__(self, file):
        reader = gguf.GGUFReader(ARCH / file)
        self.arch = reader.fields["general.architecture"].contents()
        floats = lambda tensor: gguf.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float64)
        self.tensors = {tensor.name: floats(tensor) for tensor in reader.tensors}
        key = lambda name: reader.fields[f"{self.arch}.{name}"].contents()
        self.layers, self.heads = key("block_count"), key("attention.head_count")
        self.kv_heads, self.epsilon = key("attention.head_count_kv"), key("attention.layer_norm_rms_epsilon")
        base = reader.fields.get(f"{self.arch}.rope.freq_base")
        self.base = base.contents() if base else 10000.0
        self.vocabulary = len(self.tensors["token_embd.weight"])

    def linear(self, name, x, updates):
        weight = self.tensors[f"{name}.weight"]
        a, b = updates.get(f"{name}.weight.lora_a"), updates.get(f"{name}.weight.lora_b")
        y = x @ weight.T + self.tensors.get(f"{name}.bias", 0.0)
        return y if a is None else y + ALPHA / RANK * (x @ a.T) @ b.T

    def attention(self, at, x, updates):
        count = len(x)
        split = lambda name, heads: self.linear(f"{at}.attn_{name}", x, updates).reshape(count, heads, -1)
        halves = self.arch == "qwen2"
        query = rope(split("q", self.heads), self.base, halves)
        key, value = rope(split("k", self.kv_heads), self.base, halves), split("v", self.kv_heads)
        future = numpy.triu(numpy.full((count, count), -numpy.inf), 1)
        outputs = []
        for head in range(self.heads):
            shared = head // (self.heads // self.kv_heads)
            scores = query[:, head] @ key[:, shared].T / query.shape[-1] ** 0.5 + future
            weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
            outputs.append(weights / np.sum(weights, axis=-1, keepdims=True) @ value[:, shared])
        return self.linear(f"{at}.attn_output", np.concatenate(outputs, axis=-1), updates)

    def losses(self, ids, counts, updates):
        """-ln p of each token that counts."""
        x = self.tensors["token_embd.weight"][ids[:-1]]
        for layer in range(self.layers):
            at = f"blk.{layer}"
            x = x + self.attention(at, norm(x, self.tensors[f"{at}.attn_norm.weight"], self.epsilon), updates)
            y = norm(x, self.tensors[f"{at}.ffn_norm.weight"], self.epsilon)
            gate, up = self.linear(f"{at}.ffn_gate", y, updates), self.linear(f"{at}.ffn_up", y, updates)
            x = x + self.linear(f"{at}.ffn_down", gate / (1 + np.exp(-gate)) * up, updates)
        x = norm(x, self.tensors["output_norm.weight"], self.epsilon)
        logits = x @ self.tensors.get("output.weight", self.tensors["token_embd.weight"]).T
        largest = np.max(logits, axis=-1, keepdims=True)
        logprobs = logits - largest - np.log(np.sum(np.exp(logits - largest), axis=-1, keepdims=True))
        rows = [row for row in range(len(ids) - 1) if counts[row + 1]]
        return -logprobs[rows, [ids[row + 1] for row in rows]]


def write(name, arch, tensors):
    writer = gguf.GGUFWriter(HERE / f"{name}.gguf", arch)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    for key, values in tensors.items():
        writer.add_tensor(key, values.astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def case(name, file):
    model, random = Model(file), numpy.random.default_rng(zlib.crc32(name.encode()))
    updates = {}
    for layer in range(model.layers):
        for stem in LAYER:
            key = f"blk.{layer}.{stem}.weight"
            rows, columns = model.tensors[key].shape
            for half, shape in (("a", (RANK, columns)), ("b", (rows, RANK))):
                values = 0.5 * random.normal(size=shape) / shape[1] ** 0.5
                updates[f"{key}.lora_{half}"] = values.astype(numpy.float32).astype(numpy.float64)
    sequences = []
    for length in (13, 90):
        ids = random.integers(0, model.vocabulary, length).tolist()
        counts = [False, *(random.random(length - 1) < 0.6).tolist()]
        sequences.append({"ids": ids, "counts": counts})
    losses = [model.losses(each["ids"], each["counts"], updates).tolist() for each in sequences]
    total = lambda updates: sum(np.sum(model.losses(each["ids"], each["counts"], updates)) for each in sequences)
    write(name, model.arch, updates)
    write(f"{name}-gradient", model.arch, autograd.grad(total)(updates))
    return {"name": name, "sequences": sequences, "losses": losses}


FILES = {"llama": "llama.f32.gguf", "qwen2": "qwen2.f32.gguf", "llama-q8_0": "llama.q8_0.gguf"}
cases = [case(name, file) for name, file in FILES.items()]
(HERE / "reference.json").write_text(json.dumps(cases) + "\n")
