//! Behaviour of the crate from outside, one module per behaviour.

mod flag;
