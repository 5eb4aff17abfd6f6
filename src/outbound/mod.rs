//! Calls that leave the program: one guarded HTTP client for webhooks and polled feeds.
