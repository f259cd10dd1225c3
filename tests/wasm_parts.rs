//! Models in several files and headers read alone, in a real browser.
#![cfg(target_arch = "wasm32")]

mod common;

use common::js::load;
use common::js::*;
use common::*;
use js_sys::{Array, Promise, Reflect, Uint8Array};
use nexttoken::quant::TensorType;
use nexttoken::wasm::engine::Generator;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Blob, Response, ResponseInit};

wasm_bindgen_test_configure!(run_in_browser);

/// Replaces `fetch` by one that knows only `files`; with `ranges` it answers requests for a part of a file.
/// Returns what is asked for, as it is asked.
fn serve(
    files: Vec<(String, Vec<u8>)>,
    ranges: bool,
) -> (Array, Closure<dyn FnMut(JsValue) -> Promise>) {
    let log = Array::new();
    let asked = log.clone();
    let answer = Closure::<dyn FnMut(JsValue) -> Promise>::new(move |resource: JsValue| {
        let request = resource.dyn_ref::<web_sys::Request>();
        let url = request.map_or_else(|| resource.as_string().unwrap(), web_sys::Request::url);
        let range = request.and_then(|request| request.headers().get("range").unwrap());
        let name = url.rsplit('/').next().unwrap().to_owned();
        asked.push(&format!("{name} {}", range.as_deref().unwrap_or("all")).into());
        let init = ResponseInit::new();
        let Some((_, bytes)) = files.iter().find(|(file, _)| *file == name) else {
            init.set_status(404);
            let none = Response::new_with_opt_str_and_init(Some("none"), &init).unwrap();
            return Promise::resolve(&JsValue::from(none));
        };
        let mut body = &bytes[..];
        if let (true, Some(range)) = (ranges, range) {
            let (start, end) = range
                .strip_prefix("bytes=")
                .unwrap()
                .split_once('-')
                .unwrap();
            let [start, end]: [usize; 2] = [start, end].map(|number| number.parse().unwrap());
            // Behind the end there is nothing to answer with.
            let there = start < bytes.len();
            body = &bytes[start.min(bytes.len())..bytes.len().min(end + 1)];
            init.set_status(if there { 206 } else { 416 });
        }
        let blob = Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(body))).unwrap();
        let found = Response::new_with_opt_blob_and_init(Some(&blob), &init).unwrap();
        Promise::resolve(&JsValue::from(found))
    });
    let global = js_sys::global();
    Reflect::set(&global, &"fetch".into(), answer.as_ref()).unwrap();
    (log, answer)
}

async fn ids(generator: &mut Generator) -> Vec<u32> {
    let options = object(&[("seed", 3.into()), ("max_tokens", 8.into())]);
    start(generator, "the", options);
    while !generator.next_token().unwrap().is_undefined() {}
    generator.ids().to_vec()
}

#[wasm_bindgen_test]
async fn a_model_in_parts_is_one_model() {
    let file = random_model(TensorType::Q4_0);
    let expected = ids(&mut load(&file).await).await;
    let parts = cut(&file, 3);
    let blob = |part: &Vec<u8>| {
        let bytes = Array::of1(&Uint8Array::from(&part[..]));
        JsValue::from(Blob::new_with_u8_array_sequence(&bytes).unwrap())
    };
    // Files, in any order.
    let list = Array::of3(&blob(&parts[2]), &bytes(&parts[0]), &blob(&parts[1]));
    let mut generator = Generator::load(list.clone().into(), JsValue::UNDEFINED)
        .await
        .unwrap();
    assert_eq!(ids(&mut generator).await, expected);
    let inspection = Generator::inspect(list.into(), JsValue::UNDEFINED)
        .await
        .unwrap();
    assert_eq!(number(&inspection, "parts"), 3.0);
    assert_eq!(get(&inspection, "supported"), true);

    // The address of one, whose query stays.
    let fetch = get(&js_sys::global(), "fetch");
    let served = |number: usize| format!("m-0000{number}-of-00003.gguf?download=true");
    let files = (1..=3).map(|number| (served(number), parts[number - 1].clone()));
    for ranges in [true, false] {
        let (log, _closure) = serve(files.clone().collect(), ranges);
        let address = format!("https://example.org/{}", served(1));
        let mut generator = Generator::load(address.as_str().into(), JsValue::UNDEFINED)
            .await
            .unwrap();
        assert_eq!(ids(&mut generator).await, expected);
        let asked: Vec<_> = log.iter().map(|entry| entry.as_string().unwrap()).collect();
        assert_eq!(asked.len(), 6, "{asked:?}");
        assert!(
            asked[..3]
                .iter()
                .all(|entry| entry.ends_with("bytes=0-1048575")),
            "{asked:?}"
        );
        assert!(
            asked[3..].iter().all(|entry| entry.ends_with(" all")),
            "{asked:?}"
        );
    }
    let (_, _closure) = serve(files.take(2).collect(), true);
    let address = format!("https://example.org/{}", served(2));
    assert_eq!(
        load_error(address.as_str().into(), JsValue::UNDEFINED).await,
        "http"
    );
    Reflect::set(&js_sys::global(), &"fetch".into(), &fetch).unwrap();

    let some = Array::of2(&bytes(&parts[0]), &bytes(&parts[2]));
    assert_eq!(load_error(some.into(), JsValue::UNDEFINED).await, "parts");
    assert_eq!(
        load_error(bytes(&parts[0]), JsValue::UNDEFINED).await,
        "parts"
    );
    assert_eq!(
        load_error(Array::new().into(), JsValue::UNDEFINED).await,
        "invalid_option"
    );
    let stream = Response::new_with_opt_str(Some("x")).unwrap();
    let list = Array::of1(&stream.into());
    assert_eq!(
        load_error(list.into(), JsValue::UNDEFINED).await,
        "invalid_option"
    );
}

#[wasm_bindgen_test]
async fn an_inspection_measures_where_it_is_asked_to() {
    let file = random_model(TensorType::Q4_0);
    for (asked, speed) in [
        (JsValue::UNDEFINED, false),
        (object(&[("speed", false.into())]), false),
        (object(&[("speed", true.into())]), true),
    ] {
        let inspection = Generator::inspect(bytes(&file), asked).await.unwrap();
        let found = get(&inspection, "decode_tokens_per_second").as_f64();
        assert_eq!(found.is_some(), speed);
        assert!(found.is_none_or(|found| found.is_finite() && found > 0.0));
    }
    for (wrong, expected) in [
        (object(&[("speed", 1.into())]), "invalid_option"),
        (
            object(&[("onProgress", js_sys::Function::new_no_args("").into())]),
            "unknown_option",
        ),
    ] {
        let inspection = Generator::inspect(bytes(&file), wrong).await;
        assert_eq!(code(inspection.unwrap_err()), expected);
    }
    let load = load_error(bytes(&file), object(&[("speed", true.into())])).await;
    assert_eq!(load, "unknown_option");
}

/// A header of more than a range, and one of a type nobody knows.
#[wasm_bindgen_test]
async fn an_inspection_asks_for_what_it_needs() {
    let long = nexttoken::gguf::Value::String("x".repeat(6 << 20));
    let file = random_model_with(
        TensorType::Q8_0,
        &[("general.description".to_owned(), long)],
    );
    let fetch = get(&js_sys::global(), "fetch");
    let files = vec![
        ("long.gguf".to_owned(), file.clone()),
        ("cut.gguf".to_owned(), file[..5000].to_vec()),
    ];
    let (log, _closure) = serve(files, true);
    let inspection = Generator::inspect("https://example.org/long.gguf".into(), JsValue::UNDEFINED);
    assert_eq!(get(&inspection.await.unwrap(), "supported"), true);
    let asked: Vec<_> = log.iter().map(|entry| entry.as_string().unwrap()).collect();
    let expected = [
        "bytes=0-1048575",
        "bytes=1048576-5242879",
        "bytes=5242880-22020095",
    ];
    assert_eq!(asked, expected.map(|range| format!("long.gguf {range}")));
    let cut = Generator::inspect("https://example.org/cut.gguf".into(), JsValue::UNDEFINED);
    assert_eq!(code(cut.await.unwrap_err()), "truncated");
    Reflect::set(&js_sys::global(), &"fetch".into(), &fetch).unwrap();

    let mut unknown = random_model(TensorType::F32);
    let name = b"output_norm.weight";
    let at = unknown
        .windows(name.len())
        .position(|window| window == name)
        .unwrap();
    unknown[at + name.len() + 12] = 99;
    let options = object(&[("speed", true.into())]);
    let inspection = Generator::inspect(bytes(&unknown), options).await.unwrap();
    assert_eq!(get(&inspection, "supported"), false);
    assert_eq!(string(&inspection, "code"), "unsupported_tensor_type");
    assert_eq!(string(&inspection, "name"), "Tiny");
    assert!(get(&inspection, "decode_tokens_per_second").is_undefined());
}
