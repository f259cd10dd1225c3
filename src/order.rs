//! Sorting where it is rare: one instance of the sort for all of it, because each weighs about seven kilobytes
//! of WebAssembly.

use std::cmp::Ordering;

/// The places of `len` things in the order of `compare`, equal ones as they stand.
pub fn order(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..len).collect();
    places.sort_unstable_by(|a, b| compare(*a, *b).then(a.cmp(b)));
    places
}

/// The same things in the order of `compare`, equal ones as they stand.
pub fn ordered<T>(things: Vec<T>, compare: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let places = order(things.len(), &|a, b| compare(&things[a], &things[b]));
    let mut things: Vec<_> = things.into_iter().map(Some).collect();
    places
        .into_iter()
        .filter_map(|place| things[place].take())
        .collect()
}

/// A string that is there twice.
pub fn twice<'a>(strings: &[&'a str]) -> Option<&'a str> {
    let places = order(strings.len(), &|a, b| strings[a].cmp(strings[b]));
    let pairs = places
        .windows(2)
        .map(|pair| [strings[pair[0]], strings[pair[1]]]);
    pairs.filter(|[a, b]| a == b).map(|[a, _]| a).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_things_keep_their_places() {
        let things = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd')];
        let sorted = ordered(things, |a, b| a.0.cmp(&b.0));
        assert_eq!(sorted, [(1, 'b'), (1, 'd'), (2, 'a'), (2, 'c')]);
        assert!(ordered(Vec::<u8>::new(), Ord::cmp).is_empty());
    }

    #[test]
    fn what_is_there_twice_is_found() {
        assert_eq!(twice(&["b", "a", "c", "a"]), Some("a"));
        assert_eq!(twice(&["b", "a"]), None);
        assert_eq!(twice(&[]), None);
    }
}
