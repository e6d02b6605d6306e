//! Which steps, in which order, and what is left alone.
