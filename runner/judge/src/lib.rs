//! Both arms of a cell to a verdict
