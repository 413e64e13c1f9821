//! Bytes a machine left behind, read as facts
