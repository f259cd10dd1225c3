//! Models split over several files ("parts"), as llama.cpp's `gguf-split` writes them.
//!
//! Each part is a GGUF file with a tensor directory of its own. Three metadata keys say how the parts belong together:
//! `split.no` (from 0), `split.count`, and `split.tensors.count` (tensors in all parts together). All other metadata of
//! the model is in the first part.

use super::{Header, Metadata, layout};
use crate::allocation::reserve;
use crate::order::sort;
use crate::{Error, Result};

/// The most parts that a model may have.
const MAX_PARTS: u32 = 999;

/// The headers of all parts of a model, checked against one another.
pub struct Split {
    parts: Vec<Header>,
    order: Vec<usize>,
}

crate::debug::debug_in_brief!(Split { order });

impl Split {
    /// Takes the headers of all parts, in any order. A model in one file is a split of one part.
    ///
    /// # Errors
    /// [`Error::Parts`] where a part is missing, is given twice or belongs to another model; [`Error::BadMetadata`],
    /// [`Error::OutOfMemory`].
    pub fn new(headers: Vec<Header>) -> Result<Self> {
        let mut numbered = Vec::new();
        for (index, header) in headers.into_iter().enumerate() {
            numbered.push((Part::of(&header.metadata)?, index, header));
        }
        sort(&mut numbered, |a: &(Part, usize, Header), b| {
            a.0.number.cmp(&b.0.number)
        })?;
        let found = numbered.len();
        let Some((first, ..)) = numbered.first() else {
            return Err(Error::Parts("there is none".into()));
        };
        let (count, tensors) = (first.count, first.tensors);
        let mut all = 0;
        for (place, (part, _, header)) in numbered.iter().enumerate() {
            let number = part.number;
            let wrong = |what: String| Err(Error::Parts(what));
            if (part.count, part.tensors) != (count, tensors) {
                return wrong(format!("part {} is of another model", number + 1));
            }
            if number as usize > place {
                return wrong(format!("part {} of {count} is missing", place + 1));
            }
            if (number as usize) < place {
                return wrong(format!("part {} of {count} is there twice", number + 1));
            }
            all += header.tensors.len() as u64;
        }
        if found != count as usize {
            return Err(Error::Parts(format!("{found} of {count} are there")));
        }
        if tensors.is_some_and(|promised| promised != all) {
            let promised = tensors.unwrap_or(0);
            let what = format!("they hold {all} tensors instead of {promised}");
            return Err(Error::Parts(what));
        }
        Ok(Split {
            order: numbered.iter().map(|(_, index, _)| *index).collect(),
            parts: numbered.into_iter().map(|(.., header)| header).collect(),
        })
    }

    /// The index of each part, the first one first, among the headers given to [`new`](Self::new).
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The headers of the parts, the first one first.
    pub fn parts(&self) -> &[Header] {
        &self.parts
    }

    /// The header of the whole model: the first part's metadata, the tensors of all parts (whose offsets count from the
    /// start of the data of their own part), and the size of all files together.
    ///
    /// # Errors
    /// [`Error::Parts`] where a tensor is in two parts; [`Error::OutOfMemory`].
    pub fn into_header(self) -> Result<Header> {
        let mut parts = self.parts.into_iter();
        let none = || Error::Parts("there is none".into());
        let mut whole = parts.next().ok_or_else(none)?;
        for part in parts {
            reserve(&mut whole.tensors, part.tensors.len())?;
            whole.tensors.extend(part.tensors);
            whole.file_size = whole.file_size.saturating_add(part.file_size);
        }
        match layout::duplicate_name(&whole.tensors)? {
            Some(name) => Err(Error::Parts(format!("two have the tensor {name:?}"))),
            None => Ok(whole),
        }
    }
}

/// Which part of a model a file is.
struct Part {
    number: u32,
    count: u32,
    /// Tensors in all parts.
    tensors: Option<u64>,
}

impl Part {
    fn of(metadata: &Metadata) -> Result<Self> {
        let count = metadata.optional_u32("split.count")?.unwrap_or(1);
        let number = metadata.optional_u32("split.no")?.unwrap_or(0);
        let tensors = metadata.optional_u32("split.tensors.count")?;
        if count > MAX_PARTS || number >= count.max(1) {
            return Err(Error::BadMetadata {
                key: "split.no".into(),
                reason: format!("it is {number}, and \"split.count\" is {count}"),
            });
        }
        Ok(Part {
            number,
            count: count.max(1),
            tensors: tensors.map(u64::from),
        })
    }
}

/// Refuses a part where a whole model was expected.
pub(super) fn refuse_single(metadata: &Metadata) -> Result<()> {
    let part = Part::of(metadata)?;
    if part.count == 1 {
        return Ok(());
    }
    let (number, count) = (part.number + 1, part.count);
    Err(Error::Parts(format!(
        "this is part {number} of {count}, and all are needed (as a list, or the address of one of them)"
    )))
}

/// The file names of all parts, given that of one of them (`model-00001-of-00003.gguf`); `None` for any other name.
pub fn part_names(name: &str) -> Option<Vec<String>> {
    let stem = name.strip_suffix(".gguf")?;
    let (rest, count) = stem.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let parse = |digits: &str| {
        let plain = digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| plain)
    };
    let (number, count) = (parse(number)?, parse(count)?);
    if !(1..=count).contains(&number) || !(2..=MAX_PARTS).contains(&count) {
        return None;
    }
    let name = |number| format!("{stem}-{number:05}-of-{count:05}.gguf");
    Some((1..=count).map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts() {
        let names = part_names("dir/a-of-b-00002-of-00003.gguf").unwrap();
        assert_eq!(names.len(), 3);
        assert_eq!(names[0], "dir/a-of-b-00001-of-00003.gguf");
        assert_eq!(names[2], "dir/a-of-b-00003-of-00003.gguf");
        for other in [
            "model.gguf",
            "model-00001-of-00001.gguf",
            "model-00004-of-00003.gguf",
            "model-00000-of-00003.gguf",
            "model-1-of-3.gguf",
            "model-00001-of-99999.gguf",
            "model-+0001-of-00003.gguf",
            "model-00001-of-00003.bin",
        ] {
            assert_eq!(part_names(other), None, "{other}");
        }
    }
}
