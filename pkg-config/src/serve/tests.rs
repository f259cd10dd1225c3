use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use tempfile::{TempDir, tempdir};

use super::*;

/// A site with an index, a module and a folder; a secret file beside it; a folder of models.
fn site() -> (TempDir, String) {
    let root = tempdir().unwrap();
    let file = |path: &str, content: &[u8]| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    file("site/index.html", b"<p>page");
    file("site/pkg/module.wasm", b"\0asm");
    file("site/deep/index.html", b"<p>deep");
    file("site/.hidden", b"hidden");
    file("site/with space.js", b"1");
    file("models/model.gguf", b"0123456789");
    file("models/parts/1.gguf", b"0");
    file("secret", b"secret");
    let mounts = vec![
        Mount {
            prefix: "/models/",
            folder: root.path().join("models"),
        },
        Mount {
            prefix: "/",
            folder: root.path().join("site"),
        },
    ];
    let server = Server::bind(Some(0), mounts).unwrap();
    let address = server.address.to_string();
    server.run_in_background();
    (root, address)
}

/// Sends a request exactly as written, where a client library would normalize it. The host is this machine unless the
/// request says otherwise.
fn raw(address: &str, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let (line, headers) = request.split_once('\n').unwrap_or((request, ""));
    let host = match headers.contains("Host:") {
        true => "",
        false => "Host: 127.0.0.1\r\n",
    };
    let headers = headers.replace('\n', "\r\n");
    let headers = if headers.is_empty() {
        headers
    } else {
        format!("{headers}\r\n")
    };
    write!(
        stream,
        "{line} HTTP/1.1\r\n{host}Connection: close\r\n{headers}\r\n"
    )
    .unwrap();
    read(stream)
}

fn read(mut stream: TcpStream) -> (u16, String, String) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

#[test]
fn serves_files_with_their_types() {
    let (_root, address) = site();
    for (path, kind, body) in [
        ("/", "text/html", "<p>page"),
        ("/index.html?x=1", "text/html", "<p>page"),
        ("/deep/", "text/html", "<p>deep"),
        ("/pkg/module.wasm", "application/wasm", "\0asm"),
        ("/with%20space.js", "text/javascript", "1"),
        (
            "/models/model.gguf",
            "application/octet-stream",
            "0123456789",
        ),
    ] {
        let (status, head, content) = raw(&address, &format!("GET {path}"));
        assert_eq!((status, content.as_str()), (200, body), "{path}");
        assert!(head.contains(&format!("content-type: {kind}")), "{head}");
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{head}"
        );
    }
}

#[test]
fn a_folder_gets_its_slash() {
    let (_root, address) = site();
    let (status, head, _) = raw(&address, "GET /deep");
    assert_eq!(status, 307);
    assert!(head.contains("location: /deep/\r\n"), "{head}");
    let (_, head, _) = raw(&address, "GET /models/parts?x");
    assert!(head.contains("location: /models/parts/?x\r\n"), "{head}");
}

#[test]
fn nothing_outside_is_served() {
    let (root, address) = site();
    let absolute = format!("/{}", root.path().join("secret").display());
    for path in [
        "/../secret",
        "/deep/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/..\\secret",
        "/..%5csecret",
        "/models/../../secret",
        "/models/..%2f..%2fsecret",
        "//secret",
        "//deep",
        "/deep//index.html",
        "/.hidden",
        "/%2ehidden",
        "/secret%00.html",
        "/%ff",
        "/%",
        "/models/",
        "/nothing",
        &absolute,
    ] {
        let (status, _, body) = raw(&address, &format!("GET {path}"));
        assert_eq!((status, body.as_str()), (404, ""), "{path}");
    }
}

#[test]
fn ranges() {
    let (_root, address) = site();
    for (range, status, body, content_range) in [
        ("bytes=0-3", 206, "0123", "bytes 0-3/10"),
        ("bytes=4-", 206, "456789", "bytes 4-9/10"),
        ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("bytes=-4", 206, "6789", "bytes 6-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=99-100", 416, "", "bytes */10"),
        ("bytes=-0", 416, "", "bytes */10"),
    ] {
        let request = format!("GET /models/model.gguf\nRange: {range}");
        let (got, head, content) = raw(&address, &request);
        assert_eq!((got, content.as_str()), (status, body), "{range}");
        assert!(
            head.contains(&format!("content-range: {content_range}\r\n")),
            "{head}"
        );
    }
    // A request for several ranges may be answered with the whole file.
    let (status, _, content) = raw(&address, "GET /models/model.gguf\nRange: bytes=0-1,3-4");
    assert_eq!((status, content.as_str()), (200, "0123456789"));
    for range in ["bytes=3-1", "bytes=x-", "bytes=-", "lines=1-2", "bytes"] {
        let request = format!("GET /models/model.gguf\nRange: {range}");
        let (status, _, content) = raw(&address, &request);
        assert_eq!((status, content.as_str()), (416, ""), "{range}");
    }
}

#[test]
fn what_is_unchanged_is_not_sent_again() {
    let (root, address) = site();
    let (_, head, _) = raw(&address, "GET /");
    let tag = head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap();
    for known in [
        tag.to_owned(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".to_owned(),
    ] {
        let (status, _, body) = raw(&address, &format!("GET /\nIf-None-Match: {known}"));
        assert_eq!((status, body.as_str()), (304, ""), "{known}");
    }
    fs::write(root.path().join("site/index.html"), "<p>changed").unwrap();
    let (status, _, body) = raw(&address, &format!("GET /\nIf-None-Match: {tag}"));
    assert_eq!((status, body.as_str()), (200, "<p>changed"));
}

#[test]
fn a_download_is_continued_only_where_the_file_is_still_the_same() {
    let (root, address) = site();
    let (_, head, _) = raw(&address, "HEAD /models/model.gguf");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: "));
    let tag = tag.unwrap();
    let go_on = |known: &str, range: &str| {
        let request = format!("GET /models/model.gguf\n{range}If-Range: {known}");
        let (status, _, body) = raw(&address, &request);
        (status, body)
    };
    let (rest, all) = ((206, "89".to_owned()), (200, "0123456789".to_owned()));
    for (known, expected) in [
        (tag, &rest),
        ("Fri, 01 Jan 2100 00:00:00 GMT", &rest),
        ("Thu, 01 Jan 2015 00:00:00 GMT", &all),
        ("\"another\"", &all),
    ] {
        assert_eq!(&go_on(known, "Range: bytes=8-\n"), expected, "{known}");
    }
    assert_eq!(go_on(tag, ""), all);
    assert_eq!(go_on("\"another\"", ""), all);
    fs::write(root.path().join("models/model.gguf"), "another one").unwrap();
    let all = (200, "another one".to_owned());
    assert_eq!(go_on(tag, "Range: bytes=8-\n"), all);
}

#[test]
fn only_this_machine_is_answered() {
    let (_root, address) = site();
    let port = address.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "LocalHost", "127.0.0.53", "[::1]"] {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            let (status, ..) = raw(&address, &format!("GET /\nHost: {host}"));
            assert_eq!(status, 200, "{host}");
        }
    }
    // Host names that somebody else can point to this machine.
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil.example:8080",
        "10.0.0.1",
        "[::2]",
        "",
    ] {
        let (status, head, body) = raw(&address, &format!("GET /models/model.gguf\nHost: {host}"));
        assert!(matches!(status, 400 | 421), "{host}: {status}");
        assert_eq!(body, "", "{host}: {head}");
    }
    let twice = "GET /\nHost: localhost\nHost: evil.example";
    assert_eq!(raw(&address, twice).0, 421);
    assert_eq!(raw(&address, "GET http://evil.example/").0, 421);
    assert_eq!(raw(&address, "GET http://localhost/").0, 200);
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(read(stream).0, 421);
}

/// A page of another site cannot read a file, neither with `fetch` nor as a script or picture.
#[test]
fn another_site_can_read_nothing() {
    let (_root, address) = site();
    for path in ["/", "/models/model.gguf", "/nothing"] {
        let (_, head, _) = raw(
            &address,
            &format!("GET {path}\nOrigin: https://evil.example"),
        );
        assert!(!head.contains("access-control"), "{head}");
        assert!(
            head.contains("cross-origin-resource-policy: same-origin"),
            "{head}"
        );
    }
}

#[test]
fn head_sends_no_body_and_other_methods_are_refused() {
    let (_root, address) = site();
    let (status, head, body) = raw(&address, "HEAD /models/model.gguf");
    assert_eq!((status, body.as_str()), (200, ""));
    assert!(head.contains("content-length: 10"), "{head}");
    let (status, head, _) = raw(&address, "DELETE /models/model.gguf");
    assert_eq!(status, 405);
    assert!(head.contains("allow: get,head"), "{head}");
}

#[test]
fn a_slow_reader_holds_nobody_up() {
    let (root, address) = site();
    let big = vec![b'x'; 32 << 20];
    fs::write(root.path().join("models/big.gguf"), big).unwrap();
    // Requests more than fits into the buffers in between, and reads nothing.
    let mut slow = TcpStream::connect(&address).unwrap();
    write!(
        slow,
        "GET /models/big.gguf HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    .unwrap();
    let (status, ..) = raw(&address, "GET /");
    assert_eq!(status, 200);
}

/// A browser opens several connections at once and keeps them; none may wait for another to end.
#[test]
fn idle_connections_hold_nobody_up() {
    let (_root, address) = site();
    let _idle: Vec<TcpStream> = (0..64)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    assert_eq!(raw(&address, "GET /").0, 200);
}

#[test]
fn a_missing_file_is_waited_for_while_files_are_written() {
    let root = tempdir().unwrap();
    let mounts = vec![Mount {
        prefix: "/",
        folder: root.path().to_owned(),
    }];
    let mut server = Server::bind(Some(0), mounts).unwrap();
    let unfinished = server.unfinished();
    let address = server.address.to_string();
    server.run_in_background();
    fs::write(root.path().join("early.js"), "1").unwrap();
    assert_eq!(raw(&address, "GET /early.js").0, 200);
    let asked = |path: &'static str| {
        let address = address.clone();
        thread::spawn(move || raw(&address, path))
    };
    let (next, late, never) = (
        asked("GET /next.js"),
        asked("GET /late.js"),
        asked("GET /never.js"),
    );
    thread::sleep(Duration::from_millis(100));
    assert!(!next.is_finished() && !late.is_finished() && !never.is_finished());
    fs::write(root.path().join("next.js"), "3").unwrap();
    unfinished.look_again();
    assert_eq!(next.join().unwrap().2, "3");
    assert!(!late.is_finished() && !never.is_finished());
    fs::write(root.path().join("late.js"), "2").unwrap();
    drop(unfinished);
    let (status, _, body) = late.join().unwrap();
    assert_eq!((status, body.as_str()), (200, "2"));
    assert_eq!(never.join().unwrap().0, 404);
    assert_eq!(raw(&address, "GET /never.js").0, 404);
}
