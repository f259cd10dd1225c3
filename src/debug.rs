//! `Debug` for types that are mostly weights, caches or vocabularies.

/// Implements `Debug` for a type by its name and the fields that tell it from others. All of its content would be
/// megabytes of numbers.
macro_rules! debug_in_brief {
    ($type:ident $(<$life:lifetime>)? { $($field:ident),* }) => {
        impl $(<$life>)? std::fmt::Debug for $type $(<$life>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use debug_in_brief;
