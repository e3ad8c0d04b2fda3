//! spec/master/assets/providers.md · 3.1.6 Assets Data Retrieval
//!
//! The sources of prices, one file each, and what they share.

pub mod alpaca;
pub mod binance;
pub mod http;
pub mod market_file;
pub mod replay;
pub mod simulated;
