//! Windows file formats the stand-in guest writes: small dumps and event logs
