//! Approval: a table of limits.
