//! Classes of characters by their Unicode general category.

use unicode_general_category::{GeneralCategory, get_general_category};

/// `\p{L}`
pub(super) fn is_letter(c: char) -> bool {
    use GeneralCategory::*;
    c.is_ascii_alphabetic()
        || (!c.is_ascii()
            && matches!(
                get_general_category(c),
                UppercaseLetter | LowercaseLetter | TitlecaseLetter | ModifierLetter | OtherLetter
            ))
}

/// `\p{M}`
pub(super) fn is_mark(c: char) -> bool {
    use GeneralCategory::*;
    !c.is_ascii()
        && matches!(
            get_general_category(c),
            NonspacingMark | SpacingMark | EnclosingMark
        )
}

/// `\p{P}`
pub(in crate::tokenizer) fn is_punctuation(c: char) -> bool {
    use GeneralCategory::*;
    matches!(
        get_general_category(c),
        ConnectorPunctuation
            | DashPunctuation
            | OpenPunctuation
            | ClosePunctuation
            | InitialPunctuation
            | FinalPunctuation
            | OtherPunctuation
    )
}

/// `\p{S}`
pub(super) fn is_symbol(c: char) -> bool {
    use GeneralCategory::*;
    matches!(
        get_general_category(c),
        MathSymbol | CurrencySymbol | ModifierSymbol | OtherSymbol
    )
}

/// `[^\s\p{L}\p{N}]`
pub(super) fn is_other(c: char) -> bool {
    !c.is_whitespace() && !is_letter(c) && !c.is_numeric()
}
