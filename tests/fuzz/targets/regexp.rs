//! Go's regular expressions: the first line is a pattern, the second a replacement, the third a text.
#![no_main]

use agent_golang::regexp::{Groups, Matcher, Regexp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    let mut lines = data.splitn(3, '\n');
    let (pattern, replacement, text) =
        (lines.next().unwrap_or_default(), lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let Ok(regexp) = Regexp::compile(pattern) else { return };
    let replaced = regexp.replace_all(text, &regexp.replacement(replacement));
    assert!(regexp.is_match(text) || replaced == text);
    // The whole match in its own place is no change.
    assert_eq!(regexp.replace_all(text, &regexp.replacement("${0}")), text);
    assert_eq!(regexp.names().len(), regexp.as_regex().captures_len());
    // The matcher of lines finds the same groups.
    let Ok(matcher) = Matcher::compile(pattern) else { panic!("{pattern:?} compiles for the engine only") };
    let captures = regexp.as_regex().captures(text);
    let mut groups = Groups::default();
    assert_eq!(matcher.find(text, &mut groups), Ok(captures.is_some()));
    if let Some(captures) = captures {
        let named = regexp.names().enumerate().filter(|(_, name)| name.is_some());
        for ((group, name), (own, slot)) in named.zip(matcher.groups()) {
            assert_eq!(name, Some(own));
            assert_eq!(groups.at(slot), captures.get(group).map(|found| (found.start(), found.end())));
        }
    }
});
