"""Writes a tiny model of every architecture with random weights, in f32 and in Q8_0, and one in the tensor types
that PyPI `gguf` cannot quantise to: `python make.py`.

Needs PyPI `gguf` and `numpy`. `node reference.mjs` then has native llama.cpp say what each predicts. Of those
it runs the twin, the same weights in f32: for these types llama.cpp rounds activations to 127 steps of the largest
of 256, not of 32, which moves these probabilities further from the twin's than the tests allow.
"""

import numpy
from model import CONTEXT, HEAD, HEADS, HIDDEN, KV_HEADS, TOKENS, Model

# Columns of a matrix in the types of 256 elements a block.
WIDE = 256
# The type of each matrix of the mixed model.
MIXED = {
    "token_embd": "IQ4_NL",
    "attn_q": "Q2_K",
    "attn_k": "Q3_K",
    "attn_v": "IQ4_XS",
    "attn_output": "IQ4_NL",
    "ffn_gate": "Q2_K",
    "ffn_up": "Q3_K",
    "ffn_down": "IQ4_XS",
}
# The types of the matrices of another, and of one of Q1_0, for which llama.cpp rounds activations as we do.
TERNARY = {name: "TQ1_0" if name in ("attn_q", "ffn_up") else "TQ2_0" for name in MIXED}
SIGNS = {name: "Q1_0" for name in MIXED}
# Vectors from grids, and floats of four bits.
GRIDS = {
    "token_embd": "IQ2_XS",
    "attn_q": "IQ2_XXS",
    "attn_k": "IQ2_S",
    "attn_v": "IQ3_S",
    "attn_output": "MXFP4",
    "ffn_gate": "IQ1_S",
    "ffn_up": "IQ1_M",
    "ffn_down": "IQ3_XXS",
}
for few_bits in (TERNARY, SIGNS):
    # Its rows are short.
    few_bits["attn_output"] = "IQ4_NL"

RMS = {"attention__layer_norm_rms_epsilon": 1e-5}
LAYER = {"attention__layer_norm_epsilon": 1e-5}


def llama_like(name, arch, layers=2, output=True, qkv_bias=False, **keys):
    model = Model(name, arch, layers, rope__dimension_count=HEAD, **RMS, **keys)
    model.outside(output, embedding=1.0 if output else 0.4)
    model.attention(qkv_bias)
    model.feed_forward()
    model.norms("attn_norm", "ffn_norm")
    return model


def mixed_llama(name, kinds, embedding=0.05):
    lengths = {"attention__key_length": HEAD, "attention__value_length": HEAD}
    model = Model(name, "llama", 1, WIDE, WIDE, rope__dimension_count=HEAD, **RMS, **lengths)
    model.outside(output=False, embedding=embedding)
    model.attention()
    model.feed_forward()
    model.norms("attn_norm", "ffn_norm")
    model.mix(kinds)
    return model


def llama3():
    model = llama_like("llama-3", "llama", 1, output=False, rope__freq_base=500000.0)
    model.tensors["rope_freqs.weight"] = numpy.array([1, 1, 3.5, 8], numpy.float32)
    return model


def qwen3():
    model = llama_like("qwen3", "qwen3", output=False, attention__key_length=16, attention__value_length=16)
    del model.keys["rope.dimension_count"]
    model.query_key_norms(16, 16)
    return model


def gemma(name, arch, layers=2, norms=("attn_norm", "ffn_norm"), **keys):
    lengths = {"attention__key_length": 16, "attention__value_length": 16}
    model = Model(name, arch, layers, **RMS, **lengths, **keys)
    model.outside(output=False, embedding=0.3)
    model.attention(size=2.5)
    model.feed_forward(size=2.5)
    model.norms(*norms)
    post = [("post_attention_norm", "post_ffw_norm")] if "post" in "".join(norms) else []
    for names in post:
        model.norms(*names, mean=1.5)
    return model


AROUND = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")


def gemma3():
    model = gemma(
        "gemma3",
        "gemma3",
        6,
        AROUND,
        attention__sliding_window=8,
        rope__freq_base=1000000.0,
        rope__scaling__type="linear",
        rope__scaling__factor=8.0,
        attention__head_count_kv=1,
    )
    model.query_key_norms(16, 16)
    return model


def gemma4(name="gemma4", inputs=32, shared=2):
    """A layer with a sliding window and one without, and as many that attend to their keys and values."""
    size, windowed_size, windowed = 16, 8, [True, False, True, False][: 2 + shared]
    # Networks of layers without keys and values of their own are twice as long, as in E2B.
    lengths = [32] * 2 + [64] * shared
    keys = {
        "attention__key_length": size,
        "attention__value_length": size,
        "attention__key_length_swa": windowed_size,
        "attention__value_length_swa": windowed_size,
        "attention__sliding_window": 8,
        "attention__sliding_window_pattern": windowed,
        "attention__shared_kv_layers": shared,
        "rope__dimension_count": size,
        "rope__dimension_count_swa": windowed_size,
        "rope__freq_base": 1000000.0,
        "rope__freq_base_swa": 10000.0,
        "embedding_length_per_layer_input": inputs,
        "feed_forward_length": lengths if shared else lengths[0],
        "final_logit_softcapping": 5.0,
    }
    model = Model(name, "gemma4", len(windowed), **RMS, **keys)
    model.outside(output=False, embedding=0.3)
    # Half of the pairs of layers without a window are not rotated.
    model.tensors["rope_freqs.weight"] = numpy.array([1] * 4 + [1e30] * 4, numpy.float32)
    if inputs:
        width = inputs * model.layers
        model.matrix("per_layer_token_embd", len(TOKENS), width, size=0.3 * width**0.5)
        model.matrix("per_layer_model_proj", width, HIDDEN)
        model.vector("per_layer_proj_norm.weight", inputs)
    for at, is_windowed, length in zip(model.every_layer(), windowed, lengths):
        head = windowed_size if is_windowed else size
        # The last layers have keys and values too, as converted files do, though they are not used.
        for part, rows in [("q", HEADS * head), ("k", KV_HEADS * head), ("v", KV_HEADS * head)]:
            model.matrix(f"{at}.attn_{part}", rows, HIDDEN)
        model.matrix(f"{at}.attn_output", HIDDEN, HEADS * head)
        model.vector(f"{at}.attn_q_norm.weight", head)
        model.vector(f"{at}.attn_k_norm.weight", head, 0.4, 0.1)
        for part in ["gate", "up"]:
            model.matrix(f"{at}.ffn_{part}", length, HIDDEN)
        model.matrix(f"{at}.ffn_down", HIDDEN, length)
        if inputs:
            model.matrix(f"{at}.inp_gate", inputs, HIDDEN)
            model.matrix(f"{at}.proj", HIDDEN, inputs)
            model.norm(f"{at}.post_norm")
            model.vector(f"{at}.layer_output_scale.weight", 1, 0.7, 0.1)
    model.norms(*AROUND)
    return model


def gpt2():
    model = Model("gpt2", "gpt2", 2, attention__head_count_kv=HEADS, **LAYER)
    model.outside(output=False, norm_bias=True, embedding=0.5)
    positions = model.random.normal(size=(CONTEXT, HIDDEN)) * 0.3
    model.tensors["position_embd.weight"] = positions.astype(numpy.float32)
    for at in model.every_layer():
        model.matrix(f"{at}.attn_qkv", 3 * HIDDEN, HIDDEN, bias=True)
        model.matrix(f"{at}.attn_output", HIDDEN, HIDDEN, bias=True)
    model.feed_forward(gate="none", bias=True)
    model.norms("attn_norm", "ffn_norm", bias=True)
    return model


def phi2():
    model = Model("phi2", "phi2", 2, rope__dimension_count=4, **LAYER)
    model.outside(norm_bias=True, output_bias=True)
    model.attention(qkv_bias=True, bias=True, fused=True)
    model.feed_forward(gate="none", bias=True)
    model.norms("attn_norm", bias=True)
    return model


def phi3(name="phi3", long=False, **keys):
    model = Model(name, "phi3", 1 if long else 2, rope__dimension_count=HEAD, **RMS, **keys)
    model.outside()
    model.attention(fused=True)
    model.feed_forward(gate="fused")
    model.norms("attn_norm", "ffn_norm")
    if long:
        model.tensors["rope_factors_short.weight"] = numpy.array([1, 1.1, 1.3, 1.5], numpy.float32)
        model.tensors["rope_factors_long.weight"] = numpy.array([1.2, 2.5, 6, 11], numpy.float32)
    return model


def olmo2(name="olmo2", **keys):
    model = Model(name, "olmo2", 2, rope__dimension_count=HEAD, **RMS, **keys)
    model.outside()
    model.attention()
    model.feed_forward()
    model.norms("post_attention_norm", "post_ffw_norm")
    model.query_key_norms(HIDDEN, KV_HEADS * HEAD)
    return model


def stablelm(name="stablelm", parallel=False):
    keys = {"rope__dimension_count": 4, "use_parallel_residual": parallel}
    model = Model(name, "stablelm", 2, **LAYER, **keys)
    model.outside(norm_bias=True)
    model.attention(qkv_bias=not parallel)
    model.feed_forward()
    model.norms("attn_norm", bias=True)
    if parallel:
        model.query_key_norms((HEADS, HEAD), (KV_HEADS, HEAD))
    else:
        model.norms("ffn_norm", bias=True)
    return model


def lfm2():
    kv_heads, length = [0, KV_HEADS, 0], 3
    keys = {"shortconv__l_cache": length, "rope__freq_base": 1000000.0}
    model = Model("lfm2", "lfm2", len(kv_heads), attention__head_count_kv=kv_heads, **RMS, **keys)
    model.outside(output=False, embedding=0.4)
    # The name that LFM2 gives the last norm.
    model.tensors["token_embd_norm.weight"] = model.tensors.pop("output_norm.weight")
    model.attention()
    model.convolutions(length)
    model.feed_forward()
    model.norms("attn_norm", "ffn_norm")
    model.query_key_norms(HEAD, HEAD)
    return model


def qwen35():
    """Two layers with a gated delta net, one with gated attention, and one that predicts the token after the next."""
    key_heads, value_heads, size, length, interval = 2, 4, 8, 4, 2
    keys = {
        "attention__key_length": 16,
        "attention__value_length": 16,
        "rope__dimension_count": 8,
        "rope__dimension_sections": [2, 1, 1, 0],
        "rope__freq_base": 10000000.0,
        "full_attention_interval": interval,
        "ssm__conv_kernel": length,
        "ssm__inner_size": value_heads * size,
        "ssm__state_size": size,
        "ssm__time_step_rank": value_heads,
        "ssm__group_count": key_heads,
    }
    model = Model("qwen35", "qwen35", 4, **RMS, **keys)
    model.keys["nextn_predict_layers"] = 1
    # Room for several checkpoints of the state.
    model.keys["context_length"] = 1024
    model.outside(output=False, embedding=0.3)
    values, width = value_heads * size, (2 * key_heads + value_heads) * size
    for index, at in enumerate(model.every_layer()):
        if index % interval == interval - 1:
            kv = KV_HEADS * 16
            for name, rows in [("q", 2 * HEADS * 16), ("k", kv), ("v", kv)]:
                model.matrix(f"{at}.attn_{name}", rows, HIDDEN)
            model.matrix(f"{at}.attn_output", HIDDEN, HEADS * 16, 2.5)
            model.vector(f"{at}.attn_q_norm.weight", 16)
            model.vector(f"{at}.attn_k_norm.weight", 16)
            continue
        model.matrix(f"{at}.attn_qkv", width, HIDDEN)
        model.matrix(f"{at}.attn_gate", values, HIDDEN)
        model.matrix(f"{at}.ssm_beta", value_heads, HIDDEN)
        model.matrix(f"{at}.ssm_alpha", value_heads, HIDDEN)
        model.vector(f"{at}.ssm_dt.bias", value_heads, 0.0)
        # How fast a state decays: from hardly to within a few tokens.
        model.tensors[f"{at}.ssm_a"] = -numpy.array([0.02, 0.1, 0.5, 2.0], numpy.float32)
        model.vector(f"{at}.ssm_conv1d.weight", (width, length), 0.0, 0.7)
        model.vector(f"{at}.ssm_norm.weight", size)
        model.matrix(f"{at}.ssm_out", HIDDEN, values, 2.5)
    last = model.every_layer()[-1]
    model.matrix(f"{last}.nextn.eh_proj", HIDDEN, 2 * HIDDEN)
    model.norm(f"{last}.nextn.enorm")
    model.norm(f"{last}.nextn.hnorm")
    model.feed_forward(size=2.5)
    model.norms("attn_norm", "post_attention_norm")
    return model


def mamba2_mixers(model, layers, groups, inner=64, heads=4, state=16, length=4):
    """Mamba-2 mixers in these layers, with heads that decay from hardly to within a few tokens."""
    sizes = {"conv_kernel": length, "inner_size": inner, "state_size": state, "time_step_rank": heads}
    model.keys |= {f"ssm.{key}": value for key, value in {**sizes, "group_count": groups}.items()}
    # Room for several checkpoints of the state.
    model.keys["context_length"] = 1024
    width = inner + 2 * groups * state
    for at in layers:
        model.matrix(f"{at}.ssm_in", inner + width + heads, HIDDEN)
        model.vector(f"{at}.ssm_conv1d.weight", (width, length), 0.0, 0.7)
        model.vector(f"{at}.ssm_conv1d.bias", width, 0.0)
        model.vector(f"{at}.ssm_dt.bias", heads, 0.0)
        model.tensors[f"{at}.ssm_a"] = -numpy.geomspace(0.02, 2.0, heads, dtype=numpy.float32).reshape(-1, 1)
        model.vector(f"{at}.ssm_d", (heads, 1))
        model.vector(f"{at}.ssm_norm.weight", (groups, inner // groups))
        model.matrix(f"{at}.ssm_out", HIDDEN, inner)


def mamba2():
    model = Model("mamba2", "mamba2", 3, **RMS)
    # As converted files have them.
    model.keys |= {"feed_forward_length": 0, "attention.head_count": 0}
    del model.keys["attention.head_count_kv"]
    model.outside(output=False, embedding=0.4)
    mamba2_mixers(model, model.every_layer(), groups=2)
    model.norms("attn_norm")
    return model


def granite_hybrid(name="granitehybrid", experts=0):
    """Two layers with a Mamba-2 mixer around one with attention, which does without RoPE."""
    keys = {"attention__head_count_kv": [0, KV_HEADS, 0], "rope__scaling__finetuned": False}
    if experts:
        keys |= {"expert_count": experts, "expert_used_count": 2, "expert_shared_feed_forward_length": 64}
    model = Model(name, "granitehybrid", 3, **RMS, **SCALES, **keys)
    model.outside(output=False, embedding=0.4)
    model.attention()
    recurrent = [at for at, heads in zip(model.every_layer(), model.kv_heads()) if heads == 0]
    mamba2_mixers(model, recurrent, groups=1)
    if experts:
        model.experts(experts, model.feed_forward_length, 64)
    else:
        model.feed_forward()
    model.norms("attn_norm", "ffn_norm")
    return model


def falcon_h1(name="falcon-h1", layers=2, norm=True):
    """A Mamba-2 mixer beside the attention of every layer."""
    lengths = {"attention__key_length": 16, "attention__value_length": 16}
    model = Model(name, "falcon-h1", layers, rope__freq_base=1000000.0, **RMS, **lengths)
    model.outside()
    model.attention()
    mamba2_mixers(model, model.every_layer(), groups=2)
    model.feed_forward()
    model.norms("attn_norm", "ffn_norm")
    for at in model.every_layer():
        # The name that files of Falcon-H1 have it under.
        model.tensors[f"{at}.ffn_norm"] = model.tensors.pop(f"{at}.ffn_norm.weight")
        if not norm:
            del model.tensors[f"{at}.ssm_norm.weight"]
    return model


def arcee():
    model = Model("arcee", "arcee", 2, rope__dimension_count=HEAD, **RMS)
    model.outside()
    model.attention()
    model.feed_forward(gate="none")
    model.norms("attn_norm", "ffn_norm")
    return model


def hunyuan():
    lengths = {"attention__key_length": 16, "attention__value_length": 16}
    model = llama_like("hunyuan-dense", "hunyuan-dense", output=False, **lengths)
    del model.keys["rope.dimension_count"]
    model.query_key_norms(16, 16)
    return model


def exaone4():
    model = Model("exaone4", "exaone4", 2, rope__dimension_count=HEAD, **RMS)
    model.outside()
    model.attention()
    model.feed_forward()
    model.norms("post_attention_norm", "post_ffw_norm")
    model.query_key_norms(HEAD, HEAD)
    return model


def seed_oss():
    model = Model("seed_oss", "seed_oss", 2, rope__dimension_count=HEAD, **RMS)
    model.outside()
    model.attention(qkv_bias=True)
    model.feed_forward()
    model.norms("attn_norm", "post_attention_norm")
    return model


def nanbeige(name="nanbeige", layers=2, **keys):
    model = Model(name, "nanbeige", layers, rope__dimension_count=HEAD, num_loops=2, **RMS, **keys)
    model.outside()
    # Each matrix is applied twice, so that what it magnifies is magnified more.
    model.attention(size=0.5)
    model.feed_forward(size=0.7)
    model.norms("attn_norm", "ffn_norm")
    return model


def mixtral(name="llama-experts"):
    keys = {"expert_count": 5, "expert_used_count": 2}
    model = Model(name, "llama", 2, rope__dimension_count=HEAD, **RMS, **keys)
    model.outside()
    model.attention()
    model.experts(5, model.feed_forward_length)
    model.norms("attn_norm", "ffn_norm")
    return model


def granitemoe(name="granitemoe", shared=0, count=6):
    keys = {"expert_count": count, "expert_used_count": 3}
    if shared:
        keys["expert_shared_feed_forward_length"] = shared
    model = Model(name, "granitemoe", 2, rope__dimension_count=HEAD, **RMS, **SCALES, **keys)
    model.outside()
    model.attention()
    model.experts(count, model.feed_forward_length, shared)
    model.norms("attn_norm", "ffn_norm")
    return model


def olmoe():
    keys = {"expert_count": 6, "expert_used_count": 2}
    model = Model("olmoe", "olmoe", 2, rope__dimension_count=HEAD, attention__head_count_kv=HEADS, **RMS, **keys)
    model.outside()
    model.attention()
    model.experts(6, model.feed_forward_length)
    model.norms("attn_norm", "ffn_norm")
    model.query_key_norms(HIDDEN, HIDDEN)
    return model


def qwen3moe():
    lengths = {"attention__key_length": 16, "attention__value_length": 16}
    keys = {"expert_count": 6, "expert_used_count": 3, "expert_feed_forward_length": 32}
    # The length of a network that no layer has.
    model = Model("qwen3moe", "qwen3moe", 2, HIDDEN, 96, **RMS, **lengths, **keys)
    model.outside(output=False, embedding=0.4)
    model.attention()
    model.experts(6, 32)
    model.norms("attn_norm", "ffn_norm")
    model.query_key_norms(16, 16)
    return model


def lfm2moe():
    kv_heads, length, dense = [0, KV_HEADS, 0], 3, 1
    keys = {
        "shortconv__l_cache": length,
        "rope__freq_base": 1000000.0,
        "attention__head_count_kv": kv_heads,
        "expert_count": 5,
        "expert_used_count": 2,
        "expert_feed_forward_length": 32,
        "expert_gating_func": 2,
        "leading_dense_block_count": dense,
    }
    model = Model("lfm2moe", "lfm2moe", len(kv_heads), HIDDEN, 64, **RMS, **keys)
    model.outside(output=False, embedding=0.4)
    model.tensors["token_embd_norm.weight"] = model.tensors.pop("output_norm.weight")
    model.attention()
    model.convolutions(length)
    model.feed_forward(last=dense)
    model.experts(5, 32, first=dense, bias=True)
    model.norms("attn_norm", "ffn_norm")
    model.query_key_norms(HEAD, HEAD)
    return model


def gpt_oss():
    lengths = {"attention__key_length": 16, "attention__value_length": 16}
    keys = {"expert_count": 6, "expert_used_count": 2, "expert_feed_forward_length": 32, "attention__sliding_window": 8}
    model = Model("gpt-oss", "gpt-oss", 2, **RMS, **lengths, **keys, **YARN)
    model.outside()
    model.attention(qkv_bias=True, bias=True)
    # Large enough that the activation's bounds are reached.
    model.experts(6, 32, inner=4.0, biases=True)
    model.norms("attn_norm", "post_attention_norm")
    for at in model.every_layer():
        model.vector(f"{at}.attn_sinks.weight", HEADS, 0.5, 1.0)
    return model


YARN = {
    "rope__scaling__type": "yarn",
    "rope__scaling__factor": 4.0,
    "rope__scaling__original_context_length": 16,
}
# The model's own multiplier is 1, and its slope 0.1.
GROWTH = {"rope__scaling__yarn_log_multiplier": 0.5, "attention__temperature_scale": 0.7}
SCALES = {
    "embedding_scale": 3.0,
    "residual_scale": 0.6,
    "attention__scale": 0.5,
    "logit_scale": 1.4,
}

MODELS = [
    llama_like("llama", "llama"),
    llama_like("qwen2", "qwen2", qkv_bias=True, rope__freq_base=1000000.0),
    qwen3(),
    gemma("gemma", "gemma"),
    gemma(
        "gemma2",
        "gemma2",
        2,
        AROUND,
        attention__sliding_window=8,
        attn_logit_softcapping=2.0,
        final_logit_softcapping=5.0,
    ),
    gemma3(),
    gemma4(),
    gpt2(),
    phi2(),
    phi3(),
    llama_like("granite", "granite", **SCALES),
    olmo2(),
    stablelm(),
    llama_like("smollm3", "smollm3", 4),
    lfm2(),
    qwen35(),
    granite_hybrid(),
    mamba2(),
    falcon_h1(),
    llama_like("mistral3", "mistral3", **YARN, **GROWTH),
    llama_like("ernie4_5", "ernie4_5"),
    arcee(),
    hunyuan(),
    exaone4(),
    seed_oss(),
    nanbeige(),
    granitemoe(),
    olmoe(),
    qwen3moe(),
    lfm2moe(),
    gpt_oss(),
]
# What the files above leave out.
VARIANTS = [
    llama3(),
    llama_like("llama-yarn", "llama", 1, **YARN),
    llama_like("qwen2-linear", "qwen2", 1, rope__scaling__type="linear", rope__scaling__factor=2.0, qkv_bias=True),
    falcon_h1("falcon-h1-plain", 1, norm=False),
    llama_like("granite-nope", "granite", 1, rope__scaling__finetuned=False, **SCALES),
    phi3("phi3-long", True, rope__scaling__attn_factor=1.2, rope__scaling__original_context_length=16),
    phi3("phi3-short", True, rope__scaling__attn_factor=1.2, rope__scaling__original_context_length=4096),
    olmo2("olmo3", attention__sliding_window=8, attention__sliding_window_pattern=2, **YARN),
    stablelm("stablelm-parallel", True),
    granitemoe("granitemoe-shared", 64, 4),
    mixtral(),
    granite_hybrid("granitehybrid-experts", 3),
    nanbeige("nanbeige-plain", 1, skip_loop_final_norm=True),
    gemma4("gemma4-plain", 0, 0),
    llama_like("llama-scales", "llama").scales(),
    mixtral("llama-experts-scales").scales(),
]

for model in MODELS:
    model.write("f32")
    model.write("q8_0")
for model in VARIANTS:
    model.write("f32")
for mixed in [
    mixed_llama("llama", MIXED),
    mixed_llama("llama-ternary", TERNARY),
    # With smaller logits: rounded activations move larger ones further than the tests allow.
    mixed_llama("llama-grids", GRIDS, embedding=0.03),
]:
    mixed.write("mixed")
    mixed.write("twin")
mixed_llama("llama", SIGNS).write("q1_0")
gpt_oss().write("mxfp4")
