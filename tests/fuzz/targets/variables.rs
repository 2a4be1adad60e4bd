//! Environment variables in a value: without a dollar sign nothing changes, and what comes out is bounded.
#![no_main]

use agent::config::{Config, Sources};
use agent_fuzz::split_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((value, mode)) = split_text(data) else { return };
    if value.contains("'''") || value.ends_with('\'') || value.contains(|c: char| c.is_control()) {
        return;
    }
    let text = format!("[global_tags]\nx = '''{value}'''\n[agent]\nomit_hostname = true\n");
    let sources = Sources {
        files: vec!["http://localhost/telegraf.conf".to_owned()],
        old_variables: mode & 1 == 1,
        fetch: Some(Box::new(move |_| Ok(text.clone()))),
        environment: Box::new(|name| match name {
            "A" => Some("one".to_owned()),
            "EMPTY" => Some(String::new()),
            "REF" => Some("${A}$$".to_owned()),
            _ => None,
        }),
        ..Sources::default()
    };
    match Config::load(&sources) {
        Ok(config) => {
            let filled = config.global_tags.get("x").map(String::as_str);
            if !value.contains('$') {
                assert_eq!(filled, Some(value));
            }
            // The longest value stands for the shortest reference, "$REF".
            assert!(filled.unwrap_or_default().len() <= 2 * value.len());
        }
        Err(errors) => assert!(value.contains('$'), "{errors}"),
    }
});
