//! Matrix text and catalogues to a checked matrix to a plan
