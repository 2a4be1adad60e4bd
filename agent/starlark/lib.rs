//! Starlark, the script language of the starlark processor and aggregator.
