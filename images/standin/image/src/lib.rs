//! Builds the stand-in's bootable disk
