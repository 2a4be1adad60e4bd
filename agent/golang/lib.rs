//! What Telegraf users write in the spelling of Go: time layouts, templates, globs, numbers.
