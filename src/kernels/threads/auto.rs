//! Finds the number of threads with which decoding is fastest. More are not always faster: some processors have slow
//! cores beside fast ones, and some cores are busy with something else.

use std::sync::{Mutex, PoisonError};

use super::{MAX_THREADS, set_count};

/// The steps that each number of threads is measured in; the fastest of them counts.
const ROUNDS: usize = 4;
/// The most numbers of threads that are tried.
const MOST_TRIED: usize = 4;

/// The search under way, if there is one.
static SEARCH: Mutex<Option<Search>> = Mutex::new(None);

/// Uses `most` threads at first, and later as many of them as turn out to be fastest. Returns how many threads there
/// are at most.
pub fn search(most: usize) -> usize {
    let most = set_count(most.min(MAX_THREADS));
    replace((most > 1).then(|| Search::new(most)));
    most
}

/// Ends the search: the number is set by hand.
pub fn stop() {
    replace(None);
}

fn replace(search: Option<Search>) {
    *SEARCH.lock().unwrap_or_else(PoisonError::into_inner) = search;
}

/// Whether the number is still being searched for.
pub fn is_searching() -> bool {
    let under_way = SEARCH.lock().unwrap_or_else(PoisonError::into_inner);
    under_way.is_some()
}

/// Takes the time of a decode step in milliseconds, and sets the number of threads of the next one.
pub fn record(milliseconds: f64) {
    let mut under_way = SEARCH.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(search) = &mut *under_way {
        set_count(search.record(milliseconds));
        if search.is_over() {
            *under_way = None;
        }
    }
}

struct Search {
    /// The numbers of threads that are tried in turn.
    tried: Vec<usize>,
    /// The fastest step of each, in milliseconds.
    fastest: [f64; MOST_TRIED],
    /// Steps measured so far.
    steps: usize,
}

impl Search {
    /// Tries `most` threads, half as many, a quarter and one.
    fn new(most: usize) -> Self {
        let mut tried = vec![most, most.div_ceil(2), most.div_ceil(4), 1];
        tried.dedup();
        Self {
            tried,
            fastest: [f64::INFINITY; MOST_TRIED],
            steps: 0,
        }
    }

    /// Takes the time of a step, and returns the number of threads for the next one.
    fn record(&mut self, milliseconds: f64) -> usize {
        let fastest = &mut self.fastest[self.steps % self.tried.len()];
        *fastest = fastest.min(milliseconds);
        self.steps += 1;
        if !self.is_over() {
            return self.tried[self.steps % self.tried.len()];
        }
        let times = self.tried.iter().zip(&self.fastest);
        // Of equally fast ones the first, which has the most threads.
        let best = times.min_by(|one, other| one.1.total_cmp(other.1));
        best.map_or(1, |(threads, _)| *threads)
    }

    fn is_over(&self) -> bool {
        self.steps >= ROUNDS * self.tried.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_number_of_threads_is_found() {
        for (most, fastest) in [(8, 2), (8, 8), (8, 1), (2, 2), (2, 1), (3, 2), (64, 16)] {
            let (mut search, mut threads, mut steps) = (Search::new(most), most, 0);
            while !search.is_over() {
                // A step in five is slow for another reason.
                let noise = if steps % 5 == 1 { 50.0 } else { 0.0 };
                let time = 5.0 + (threads as f64 - f64::from(fastest)).abs() + noise;
                threads = search.record(time);
                steps += 1;
                assert!(threads <= most && steps <= 16);
            }
            assert_eq!(threads, fastest as usize, "of {most}");
        }
    }
}
