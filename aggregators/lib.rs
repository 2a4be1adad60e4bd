//! The aggregators, a folder each. Nothing here knows another plugin or the agent; the registry is the only way in.
