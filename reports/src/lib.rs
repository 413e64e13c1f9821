//! Run and verdicts to every report format
