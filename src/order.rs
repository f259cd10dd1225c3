//! Sorting for code that sorts rarely. All of it shares one instance of the standard library's sort, because each
//! instance adds about seven kilobytes of WebAssembly.

use crate::Result;
use crate::allocation::with_capacity;
use std::cmp::Ordering;

/// The indices `0..len`, sorted by `compare`; equal elements keep their order.
fn argsort(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Result<Vec<usize>> {
    let mut places = with_capacity(len)?;
    places.extend(0..len);
    places.sort_unstable_by(|a, b| compare(*a, *b).then(a.cmp(b)));
    Ok(places)
}

/// Sorts `things` by `compare`; equal elements keep their order.
///
/// # Errors
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory); the order is then unchanged.
pub fn sort<T>(things: &mut [T], compare: impl Fn(&T, &T) -> Ordering) -> Result<()> {
    let mut places = argsort(things.len(), &|a, b| compare(&things[a], &things[b]))?;
    // Apply the permutation in place, one cycle at a time; `places[at] == at` marks an element that is in its place.
    for start in 0..places.len() {
        let mut at = start;
        while places[at] != start {
            let next = places[at];
            things.swap(at, next);
            places[at] = at;
            at = next;
        }
        places[at] = at;
    }
    Ok(())
}

/// A string that occurs more than once; `None` where all differ.
///
/// # Errors
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
pub fn find_duplicate<'a>(strings: &[&'a str]) -> Result<Option<&'a str>> {
    let places = argsort(strings.len(), &|a, b| strings[a].cmp(strings[b]))?;
    let pairs = places
        .windows(2)
        .map(|pair| [strings[pair[0]], strings[pair[1]]]);
    Ok(pairs.filter(|[a, b]| a == b).map(|[a, _]| a).next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::TestRandom;

    #[test]
    fn equal_things_keep_their_places() {
        let mut things = [(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd')];
        sort(&mut things, |a, b| a.0.cmp(&b.0)).unwrap();
        assert_eq!(things, [(1, 'b'), (1, 'd'), (2, 'a'), (2, 'c')]);
        sort(&mut [0u8; 0], Ord::cmp).unwrap();
    }

    #[test]
    fn any_order_becomes_that_of_the_standard_library() {
        let mut random = TestRandom(1);
        for len in 0..200 {
            let mut things: Vec<(u32, usize)> = (0..len)
                .map(|place| (random.next_u16() % 50, place))
                .collect();
            let mut expected = things.clone();
            expected.sort_by_key(|thing| thing.0);
            sort(&mut things, |a, b| a.0.cmp(&b.0)).unwrap();
            assert_eq!(things, expected);
        }
    }

    #[test]
    fn more_than_there_is_memory_for_is_an_error() {
        // Elements of size zero take no memory; only the indices do.
        let mut things = vec![(); isize::MAX as usize];
        let error = sort(&mut things, Ord::cmp).unwrap_err();
        assert_eq!(error.code(), "out_of_memory");
    }

    #[test]
    fn a_duplicate_is_found() {
        assert_eq!(find_duplicate(&["b", "a", "c", "a"]).unwrap(), Some("a"));
        assert_eq!(find_duplicate(&["b", "a"]).unwrap(), None);
        assert_eq!(find_duplicate(&[]).unwrap(), None);
    }
}
