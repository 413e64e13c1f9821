//! Invented vendors' packages: real MSI files with real PE drivers
