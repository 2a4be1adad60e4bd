//! The settings of the strings processor: one list for each kind of change.

use super::change::Change;
use super::{Keys, Step, Targets};
use agent_api::{Result, ensure};
use schemars::JsonSchema;
use serde::Deserialize;

/// Declares the blocks: all have the same targets, most have options of their own.
macro_rules! blocks {
    ($($(#[$about:meta])* $name:ident { $($(#[$help:meta])* $option:ident: $type:ty,)* })+) => { $(
        $(#[$about])*
        #[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct $name {
            /// Key of the field whose text is changed; "*" for all.
            field: String,
            /// Key of the field whose key is changed; "*" for all.
            field_key: String,
            /// Key of the tag whose value is changed; "*" for all.
            tag: String,
            /// Key of the tag whose key is changed; "*" for all.
            tag_key: String,
            /// Name of the measurement that is changed; "*" for all.
            measurement: String,
            /// Key that gets the changed value of `tag` or `field` in place of the key itself; not used with "*".
            dest: String,
            $($(#[$help])* $option: $type,)*
        }

        impl $name {
            fn targets(&mut self) -> Targets {
                let take = |text: &mut String| Keys::parse(std::mem::take(text));
                Targets {
                    field: take(&mut self.field),
                    field_key: take(&mut self.field_key),
                    tag: take(&mut self.tag),
                    tag_key: take(&mut self.tag_key),
                    measurement: take(&mut self.measurement),
                    dest: Some(std::mem::take(&mut self.dest)).filter(|dest| !dest.is_empty()),
                }
            }
        }
    )+ };
}

blocks! {
    /// A change without options.
    Plain {}
    /// Removes characters from the ends.
    Trim {
        /// The characters to remove; white space if empty.
        cutset: String,
    }
    /// Removes a text from the begin.
    TrimPrefix {
        /// The text.
        prefix: String,
    }
    /// Removes a text from the end.
    TrimSuffix {
        /// The text.
        suffix: String,
    }
    /// Replaces a text by another.
    Replace {
        /// The text to replace, wherever it stands.
        old: String,
        /// What takes its place.
        new: String,
    }
    /// Cuts to a length.
    Left {
        /// How much is left, in bytes; a character that would be cut in two is left out. At least 0.
        width: i64,
    }
    /// Replaces what is no UTF-8.
    ValidUtf8 {
        /// What takes the place of each run of bytes that are no UTF-8.
        replacement: String,
    }
}

/// The changes. They run kind by kind in the order below, whatever the order in the file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Makes letters small.
    lowercase: Vec<Plain>,
    /// Makes letters capitals.
    uppercase: Vec<Plain>,
    /// Makes the first letter of each word a capital.
    titlecase: Vec<Plain>,
    /// Removes characters from both ends.
    trim: Vec<Trim>,
    /// Removes characters from the begin.
    trim_left: Vec<Trim>,
    /// Removes characters from the end.
    trim_right: Vec<Trim>,
    /// Removes a text from the begin, once.
    trim_prefix: Vec<TrimPrefix>,
    /// Removes a text from the end, once.
    trim_suffix: Vec<TrimSuffix>,
    /// Replaces a text by another; a text of which nothing would be left stays as it is.
    replace: Vec<Replace>,
    /// Cuts to a length.
    left: Vec<Left>,
    /// Decodes base64; what is no base64 of a text stays as it is.
    base64decode: Vec<Plain>,
    /// Replaces what is no UTF-8.
    valid_utf8: Vec<ValidUtf8>,
}

impl Settings {
    pub(super) fn steps(self) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        let mut plain = |blocks: Vec<Plain>, change: fn() -> Change| {
            steps.extend(blocks.into_iter().map(|mut b| Step { targets: b.targets(), change: change() }));
        };
        plain(self.lowercase, || Change::Lowercase);
        plain(self.uppercase, || Change::Uppercase);
        plain(self.titlecase, || Change::Titlecase);
        let mut trim = |blocks: Vec<Trim>, begin, end| {
            for mut b in blocks {
                steps.push(Step { targets: b.targets(), change: Change::Trim { cutset: b.cutset, begin, end } });
            }
        };
        trim(self.trim, true, true);
        trim(self.trim_left, true, false);
        trim(self.trim_right, false, true);
        for mut b in self.trim_prefix {
            steps.push(Step { targets: b.targets(), change: Change::TrimPrefix(b.prefix) });
        }
        for mut b in self.trim_suffix {
            steps.push(Step { targets: b.targets(), change: Change::TrimSuffix(b.suffix) });
        }
        for mut b in self.replace {
            steps.push(Step { targets: b.targets(), change: Change::Replace { old: b.old, new: b.new } });
        }
        for mut b in self.left {
            ensure!(b.width >= 0, "left: width {} is below 0", b.width);
            let width = usize::try_from(b.width).unwrap_or(usize::MAX);
            steps.push(Step { targets: b.targets(), change: Change::Left(width) });
        }
        for mut b in self.base64decode {
            steps.push(Step { targets: b.targets(), change: Change::Base64Decode });
        }
        for mut b in self.valid_utf8 {
            steps.push(Step { targets: b.targets(), change: Change::ValidUtf8(b.replacement) });
        }
        Ok(steps)
    }
}
