//! What partners' apps may ask customers for: the settings, the registration, its approval, and the words.

mod settings;
