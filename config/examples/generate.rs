//! Writes the settings page and the commented default file from the table of parameters.

use std::path::Path;

use shardwright_config::generate;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::write(root.join("docs/settings.md"), generate::settings_page())?;
    std::fs::write(root.join("shardwright.default.yaml"), generate::default_file())
}
