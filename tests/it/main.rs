//! The one test binary: scenarios through the public surface, and tests about the program itself.

mod architecture;
mod support;
