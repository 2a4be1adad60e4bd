//! The processors, a folder each. Nothing here knows another plugin or the agent; the registry is the only way in.

#[cfg(feature = "override")]
mod r#override;
