//! Tests of what metadata is accepted and what is refused.

use super::Config;
use super::architecture::{ARCHITECTURES, Gating};
use super::experts_config::Routing;
use crate::Error;
use crate::gguf::{Metadata, Value};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The smallest metadata of a file of this architecture, with `more` added or in place of its keys.
fn metadata(architecture: &str, more: &[(&str, Value)]) -> Metadata {
    let mut metadata = Metadata::default();
    let name = Value::String(architecture.to_owned());
    metadata
        .insert("general.architecture".to_owned(), name)
        .unwrap();
    let plain = [
        ("context_length", Value::U32(64)),
        ("embedding_length", Value::U32(32)),
        ("block_count", Value::U32(6)),
        ("feed_forward_length", Value::U32(96)),
        ("attention.head_count", Value::U32(4)),
        ("shortconv.l_cache", Value::U32(3)),
        ("ssm.conv_kernel", Value::U32(4)),
        ("ssm.group_count", Value::U32(2)),
        ("ssm.time_step_rank", Value::U32(4)),
        ("ssm.state_size", Value::U32(8)),
        ("ssm.inner_size", Value::U32(32)),
        ("attention.layer_norm_epsilon", Value::F32(1e-5)),
        ("attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
    ];
    let kept = plain
        .iter()
        .filter(|(key, _)| more.iter().all(|(other, _)| key != other));
    for (key, value) in kept.chain(more) {
        let key = format!("{architecture}.{key}");
        metadata.insert(key, value.clone()).unwrap();
    }
    metadata
}

fn config(architecture: &str, more: &[(&str, Value)]) -> Result<Config, Error> {
    Config::from_metadata(&metadata(architecture, more), 100)
}

#[test]
fn every_architecture_has_a_configuration() {
    for architecture in ARCHITECTURES {
        let config = config(architecture.name, &[]).unwrap();
        assert_eq!(config.architecture, architecture);
        let expected = match architecture.has_attention() {
            true => (4, 8),
            false => (0, 0),
        };
        assert_eq!((config.kv_heads, config.head_size), expected);
    }
    let error = config("mamba", &[]).unwrap_err();
    assert_eq!(error, Error::UnsupportedArchitecture("mamba".to_owned()));
}

/// A key that asks for what is not implemented is an error that names the key.
#[test]
fn what_would_be_left_out_is_refused() {
    let text = |text: &str| Value::String(text.to_owned());
    for (architecture, key, value) in [
        ("qwen2", "expert_count", Value::U32(8)),
        ("llama", "rope.scaling.type", text("su")),
        ("llama", "rope.scaling.yarn_log_multiplier", Value::F32(0.1)),
        (
            "mistral3",
            "rope.scaling.yarn_log_multiplier",
            Value::F32(-1.0),
        ),
        ("llama", "attention.temperature_scale", Value::F32(0.1)),
        (
            "mistral3",
            "attention.temperature_scale",
            Value::F32(f32::INFINITY),
        ),
        ("exaone4", "block_count", Value::U32(64)),
        ("nanbeige", "num_loops", Value::U32(0)),
        ("nanbeige", "num_loops", Value::U32(17)),
        ("nanbeige", "num_loops", Value::U32(u32::MAX)),
        ("llama", "attention.clamp_kqv", Value::F32(8.0)),
        ("llama", "attention.max_alibi_bias", Value::F32(8.0)),
        ("llama", "attention.causal", Value::Bool(false)),
        ("llama", "attention.sliding_window", Value::U32(32)),
        ("llama", "logit_scale", Value::F32(4.0)),
        ("qwen2", "attn_logit_softcapping", Value::F32(50.0)),
        ("gemma3", "attn_logit_softcapping", Value::F32(50.0)),
        ("gemma2", "residual_scale", Value::F32(0.5)),
        ("falcon-h1", "expert_count", Value::U32(8)),
        ("gemma2", "final_logit_softcapping", Value::F32(-1.0)),
        ("gemma2", "rope.freq_base_swa", Value::F32(0.0)),
        ("gemma2", "attention.sliding_window_pattern", Value::U32(0)),
        (
            "gemma2",
            "attention.sliding_window_pattern",
            Value::Integers(vec![1; 5].into()),
        ),
        ("granite", "attention.scale", Value::F32(f32::NAN)),
        ("llama", "attention.value_length", Value::U32(16)),
        ("llama", "attention.head_count_kv", Value::U32(3)),
        ("llama", "attention.head_count_kv", kv_heads([4; 6])),
        ("gemma3", "attention.shared_kv_layers", Value::U32(2)),
        ("gemma3", "embedding_length_per_layer_input", Value::U32(8)),
        ("gemma4", "expert_count", Value::U32(8)),
        ("gemma4", "attention.shared_kv_layers", Value::U32(6)),
        (
            "gemma4",
            "attention.head_count_kv",
            kv_heads([4, 4, 4, 4, 4, 1]),
        ),
        ("lfm2", "attention.head_count_kv", kv_heads([4; 5])),
        ("lfm2", "attention.head_count_kv", kv_heads([4; 7])),
        ("lfm2", "attention.head_count_kv", kv_heads([0; 6])),
        ("lfm2", "attention.head_count_kv", kv_heads([-4; 6])),
        (
            "lfm2",
            "attention.head_count_kv",
            kv_heads([0, 4, 0, 2, 0, 4]),
        ),
        (
            "lfm2",
            "attention.head_count_kv",
            kv_heads([0, 4, -1, 4, 0, 4]),
        ),
        (
            "lfm2",
            "attention.head_count_kv",
            kv_heads([3, 0, 3, 0, 3, 0]),
        ),
        ("lfm2", "attention.head_count_kv", kv_heads([i64::MAX; 6])),
        ("llama", "attention.head_count", Value::U32(64)),
        ("llama", "rope.dimension_count", Value::U32(10)),
        ("llama", "block_count", Value::U32(u32::MAX)),
        ("llama", "embedding_length", Value::U32(0)),
    ] {
        let expected = format!("{architecture}.{key}");
        match config(architecture, &[(key, value)]) {
            Err(Error::BadMetadata { key, .. }) => assert_eq!(key, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

/// Keys whose values change nothing do not make a file unusable.
#[test]
fn what_changes_nothing_is_passed_over() {
    for (architecture, key, value) in [
        ("llama", "expert_count", Value::U32(0)),
        ("llama", "attention.sliding_window", Value::U32(64)),
        ("phi3", "attention.sliding_window", Value::U32(8)),
        ("llama", "attention.clamp_kqv", Value::F32(0.0)),
        ("llama", "attention.causal", Value::Bool(true)),
        ("llama", "rope.scaling.finetuned", Value::Bool(false)),
    ] {
        assert!(config(architecture, &[(key, value)]).is_ok(), "{key}");
    }
}

#[test]
fn windows_follow_their_pattern() {
    let windows = |config: &Config| -> Vec<Option<usize>> {
        (0..6)
            .map(|layer| config.layer_positions(layer).window)
            .collect()
    };
    let window = ("attention.sliding_window", Value::U32(8));
    let gemma3 = config("gemma3", std::slice::from_ref(&window)).unwrap();
    assert_eq!(
        windows(&gemma3),
        [Some(8), Some(8), Some(8), Some(8), Some(8), None]
    );
    let bases: Vec<f32> = gemma3.rope_variants().map(|(_, base, _)| base).collect();
    assert_eq!(bases, [10_000.0, 10_000.0]);
    let listed = Value::Integers(vec![0, 1, 1, 0, 0, 0].into());
    let pattern = ("attention.sliding_window_pattern", listed);
    let listed = config("gemma3", &[window, pattern]).unwrap();
    assert_eq!(windows(&listed), [None, Some(8), Some(8), None, None, None]);
    let gemma2 = config("gemma2", &[]).unwrap();
    assert_eq!(windows(&gemma2)[..3], [Some(4096), None, Some(4096)]);
    // Without a window size in the file, no layer has a window.
    assert_eq!(windows(&config("olmo2", &[]).unwrap()), [None; 6]);
}

/// A list with the number of KV heads of every layer.
fn kv_heads<const LAYERS: usize>(heads: [i64; LAYERS]) -> Value {
    Value::Integers(heads.to_vec().into())
}

#[test]
fn layers_without_key_and_value_heads_convolve() {
    let heads = ("attention.head_count_kv", kv_heads([0, 0, 2, 0, 0, 2]));
    let with = |length: Value| config("lfm2", &[heads.clone(), ("shortconv.l_cache", length)]);
    let lfm2 = with(Value::U32(3)).unwrap();
    let lengths: Vec<_> = (0..7).map(|layer| lfm2.convolution_length(layer)).collect();
    let three = Some(3);
    assert_eq!(lengths, [three, three, None, three, three, None, None]);
    assert_eq!((lfm2.kv_heads, lfm2.projected_size()), (2, 96));
    assert_eq!(lfm2.projection_widths(0), [32; 3]);
    assert_eq!(lfm2.projection_widths(2), [32, 16, 16]);

    let key = "lfm2.shortconv.l_cache".to_owned();
    let mut lacking = metadata("lfm2", std::slice::from_ref(&heads));
    lacking.take(&key);
    let missing = Config::from_metadata(&lacking, 100).unwrap_err();
    assert_eq!(missing, Error::MissingMetadata(key.clone()));
    for length in [
        Value::U32(0),
        Value::U32(u32::MAX),
        Value::I32(-3),
        Value::F32(3.0),
    ] {
        match with(length) {
            Err(Error::BadMetadata { key: named, .. }) => assert_eq!(named, key),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn layers_of_gemma4_differ() {
    let list = |list: [i64; 6]| Value::Integers(list.to_vec().into());
    let more = [
        ("attention.sliding_window", Value::U32(8)),
        ("attention.sliding_window_pattern", list([1, 0, 1, 1, 0, 1])),
        ("attention.shared_kv_layers", Value::U32(2)),
        ("attention.key_length", Value::U32(16)),
        ("attention.key_length_swa", Value::U32(8)),
        ("feed_forward_length", list([96, 96, 96, 96, 192, 192])),
        ("embedding_length_per_layer_input", Value::U32(4)),
    ];
    let config = config("gemma4", &more).unwrap();
    let each = |of: &dyn Fn(usize) -> usize| -> Vec<usize> { (0..6).map(of).collect() };
    // The last layer before them of the same kind.
    let sources = each(&|layer| config.key_value_layer(layer));
    assert_eq!(sources, [0, 1, 2, 3, 1, 3]);
    let caches = each(&|layer| config.cache_count(layer));
    assert_eq!(caches, [4, 4, 4, 4, 0, 0]);
    let heads = each(&|layer| config.layer_head_size(layer));
    assert_eq!(heads, [8, 16, 8, 8, 16, 8]);
    assert_eq!(config.projection_widths(3), [32, 32, 32]);
    assert_eq!(config.projection_widths(4), [64, 0, 0]);
    let networks = each(&|layer| config.layer_feed_forward_size(layer));
    assert_eq!(networks, [96, 96, 96, 96, 192, 192]);
    assert_eq!(config.feed_forward_size, 192);
    assert_eq!(config.per_layer_width(), 24);
    let sizes: Vec<usize> = config.rope_variants().map(|(size, ..)| size).collect();
    assert_eq!(sizes, [16, 8]);
    assert_eq!(config.score_factor(9), 1.0);
}

#[test]
fn granite_may_do_without_positions() {
    for (finetuned, expected) in [(true, Some(0)), (false, None)] {
        let key = ("rope.scaling.finetuned", Value::Bool(finetuned));
        let config = config("granite", &[key]).unwrap();
        assert_eq!(config.layer_positions(0).rope, expected);
        assert_eq!(config.rope_variants().count(), expected.iter().len());
    }
}

#[test]
fn layers_of_a_file_may_run_several_times() {
    let config = config("nanbeige", &[("num_loops", Value::U32(3))]).unwrap();
    assert_eq!((config.layers, config.stored_layers()), (18, 6));
    assert!(config.norm_each_loop);
    let skip = [("skip_loop_final_norm", Value::Bool(true))];
    assert!(
        !super::Config::from_metadata(&metadata("nanbeige", &skip), 100)
            .unwrap()
            .norm_each_loop
    );
}

#[test]
fn scores_grow_with_the_position() {
    let original = ("rope.scaling.original_context_length", Value::U32(16));
    let slope = ("attention.temperature_scale", Value::F32(0.5));
    let config = config("mistral3", &[original, slope]).unwrap();
    let usual = config.scales.attention;
    assert_eq!([0, 15].map(|at| config.score_factor(at)), [usual; 2]);
    let factor = usual * (1.0 + 0.5 * 2f32.ln());
    assert!(
        [16, 31]
            .iter()
            .all(|at| (config.score_factor(*at) / factor - 1.0).abs() < 1e-6)
    );
}

#[test]
fn smollm3_does_not_rotate_every_fourth_layer() {
    let config = config("smollm3", &[]).unwrap();
    let rotated: Vec<bool> = (0..6)
        .map(|layer| config.layer_positions(layer).rope.is_some())
        .collect();
    assert_eq!(rotated, [true, true, true, false, true, true]);
}

/// The metadata of a mixture of eight experts, of which each token runs through two.
fn mixture<'a>(more: &[(&'a str, Value)]) -> Vec<(&'a str, Value)> {
    let plain = [("expert_count", 8), ("expert_used_count", 2)];
    let plain = plain.map(|(key, value)| (key, Value::U32(value)));
    let kept = plain
        .into_iter()
        .filter(|(key, _)| more.iter().all(|(other, _)| key != other));
    kept.chain(more.iter().cloned()).collect()
}

#[test]
fn mixtures_follow_their_architecture_and_the_file() {
    let routing = |architecture: &str, more: &[(&str, Value)]| {
        let config = config(architecture, &mixture(more)).unwrap();
        config.experts(5).unwrap().routing
    };
    let usual = |gating, normalizes| Routing {
        used: 2,
        gating,
        normalizes,
        scale: 1.0,
    };
    assert_eq!(routing("granitemoe", &[]), usual(Gating::Softmax, true));
    assert_eq!(routing("olmoe", &[]), usual(Gating::Softmax, false));
    assert_eq!(routing("qwen3moe", &[]), usual(Gating::Softmax, true));
    assert_eq!(routing("lfm2moe", &[]), usual(Gating::Sigmoid, true));
    let changed = [
        ("expert_gating_func", Value::U32(2)),
        ("expert_weights_norm", Value::Bool(true)),
        ("expert_weights_scale", Value::F32(2.5)),
    ];
    let expected = Routing {
        scale: 2.5,
        ..usual(Gating::Sigmoid, true)
    };
    assert_eq!(routing("olmoe", &changed), expected);
    let none = [("expert_weights_scale", Value::F32(0.0))];
    assert_eq!(routing("olmoe", &none), usual(Gating::Softmax, false));
}

#[test]
fn mixtures_have_sizes_of_their_own() {
    let plain = config("granitemoe", &mixture(&[])).unwrap();
    let experts = plain.experts(0).unwrap();
    assert_eq!((experts.count, experts.feed_forward_size), (8, 96));
    assert_eq!(experts.shared_size, None);
    let sizes = [
        ("expert_feed_forward_length", Value::U32(64)),
        ("expert_shared_feed_forward_length", Value::U32(128)),
        ("leading_dense_block_count", Value::U32(2)),
    ];
    let sized = config("granitemoe", &mixture(&sizes)).unwrap();
    assert!(sized.experts(1).is_none());
    let experts = sized.experts(2).unwrap();
    assert_eq!(
        (experts.feed_forward_size, experts.shared_size),
        (64, Some(128))
    );
    assert_eq!(sized.widest_feed_forward_size(), 128);
    // Granite's files of this architecture may have no mixtures.
    let dense = config("granitemoe", &[("expert_count", Value::U32(0))]).unwrap();
    assert!(dense.experts(0).is_none());
}

#[test]
fn mixtures_that_cannot_be_are_refused() {
    for (key, value) in [
        ("expert_count", Value::U32(1025)),
        ("expert_count", Value::U32(u32::MAX)),
        ("expert_used_count", Value::U32(0)),
        ("expert_used_count", Value::U32(9)),
        ("expert_group_count", Value::U32(4)),
        ("expert_gating_func", Value::U32(3)),
        ("expert_weights_scale", Value::F32(f32::NAN)),
        ("expert_feed_forward_length", Value::U32(u32::MAX)),
        ("leading_dense_block_count", Value::U32(u32::MAX)),
    ] {
        let expected = format!("qwen3moe.{key}");
        match config("qwen3moe", &mixture(&[(key, value)])) {
            Err(Error::BadMetadata { key, .. }) => assert_eq!(key, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let layers = |count| {
        let more = [
            ("block_count", Value::U32(count)),
            ("expert_count", Value::U32(1024)),
        ];
        config("qwen3moe", &mixture(&more))
    };
    assert!(layers(64).is_ok());
    assert!(layers(65).is_err());
    let unused = config("qwen3moe", &[("expert_count", Value::U32(8))]).unwrap_err();
    let key = "qwen3moe.expert_used_count".to_owned();
    assert_eq!(unused, Error::MissingMetadata(key));
}
