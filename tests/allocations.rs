//! Threads that share a kernel take no memory. In a tab the allocator belongs to the thread that started the module, so
//! that none of the others may call it.

mod common;

use common::random_model;
use nexttoken::generator::CacheType;
use nexttoken::model::{Model, Session};
use nexttoken::quant::TensorType;
use nexttoken::set_threads;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The models whose kernels are large enough to be shared, one of each kind of layer and tensor type.
fn models() -> Vec<Model> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [
        "www/stories.gguf",
        "tests/data/arch/lfm2.q8_0.gguf",
        "tests/data/arch/gemma3.f32.gguf",
        "tests/data/arch/gemma4.f32.gguf",
        "tests/data/arch/granitemoe.f32.gguf",
    ];
    let files = files.map(|file| Model::open(root.join(file)).unwrap());
    let kinds = [TensorType::F32, TensorType::Q4_1, TensorType::Q8_0];
    let random = kinds.map(|kind| Model::from_bytes(&random_model(kind)).unwrap());
    files.into_iter().chain(random).collect()
}

/// The passes that are looked at. The system begins a new thread when it has a core for it, and the thread takes memory
/// as it begins, which may be during any pass; what a kernel takes, it takes in all of them. So the least counts.
const PASSES: usize = 6;

/// How often memory is taken in forward passes of many tokens and of one, and by the head after each, once the memory
/// that is kept is there.
fn taken(model: &Model, cache_type: CacheType, threads: usize) -> [usize; 2] {
    set_threads(threads);
    let mut session = Session::new(model, 128, cache_type).unwrap();
    let (tokens, mut logits): (Vec<u32>, _) = ((0..40).collect(), Vec::new());
    let mut least = [usize::MAX; 2];
    for _ in 0..PASSES {
        session.truncate(0);
        let mut taken = [0; 2];
        for tokens in [&tokens[..], &tokens[..1]] {
            let before = Region::new(ALLOCATOR);
            model.forward(tokens, &mut session).unwrap();
            taken[0] += before.change().allocations;
            let before = Region::new(ALLOCATOR);
            let hidden = session.hidden();
            model.head.logits(hidden.row(0), &mut logits).unwrap();
            taken[1] += before.change().allocations;
        }
        least = [0, 1].map(|part| least[part].min(taken[part]));
    }
    least
}

#[test]
fn no_thread_takes_memory_in_a_kernel() {
    for model in models() {
        for cache_type in [CacheType::Q16, CacheType::Q8, CacheType::F32] {
            let [forward, head] = taken(&model, cache_type, 3);
            assert_eq!(forward, 0);
            assert_eq!(head, taken(&model, cache_type, 1)[1]);
        }
    }
    set_threads(1);
}
