//! Progress bars for long tasks; a plain line where there is no terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar that counts bytes. Without a terminal it only prints what is being done.
pub fn bytes(what: &str, total: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        eprintln!("{what} ({} MB)", total / 1_000_000);
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(
        "{msg} [{bar:32}] {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}",
    )
    .expect("the template is a constant")
    .progress_chars("=> ");
    ProgressBar::new(total)
        .with_style(style)
        .with_message(what.to_owned())
}
