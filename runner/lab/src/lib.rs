//! The ports through which a run reaches machines and guests
