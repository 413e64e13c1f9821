//! The Windows guest over SSH
