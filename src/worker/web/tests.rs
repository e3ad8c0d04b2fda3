//! spec/worker/web.md · 4.3.2 Client-Worker Server Connection
