//! Configurations: whatever the text, there is a configuration that can be built and explained, or an error that can be shown.
#![no_main]

use agent::config::{Config, Sources, Surroundings};
use agent_fuzz::split_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((text, mode)) = split_text(data) else { return };
    let sources = |text: &str| {
        let text = text.to_owned();
        Sources {
            files: vec!["http://localhost/telegraf.conf".to_owned()],
            non_strict: mode & 1 == 1,
            old_variables: mode & 2 == 2,
            fetch: Some(Box::new(move |_| Ok(text.clone()))),
            environment: Box::new(|name| (name == "A").then(|| "one".to_owned())),
            ..Sources::default()
        }
    };
    match Config::load(&sources(text)) {
        Ok(config) => {
            if let Err(errors) = config.check(&Surroundings::default()) {
                assert!(!errors.to_string().is_empty());
            }
            let explained = Config::explain(&sources(text)).expect("what can be loaded can be explained");
            assert!(explained.starts_with("# "));
        }
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
    Config::compat("telegraf.conf", text);
});
