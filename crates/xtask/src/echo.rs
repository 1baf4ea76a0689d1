//! laravel-echo from npm, for the tests of its connector in `php/laravel`.

use std::path::PathBuf;

use anyhow::Result;

use crate::npm;
use crate::workspace::Workspace;

/// The folder of the connector's tests. Its `package.json` has the version of laravel-echo.
pub const TESTS: &str = "php/laravel/js/test";

/// Installs laravel-echo into the target folder, unless an earlier run has. Returns its file for `import`.
pub fn install(workspace: &Workspace) -> Result<PathBuf> {
    let manifest = workspace.root.join(TESTS).join("package.json");
    let modules = npm::install(workspace, &manifest, "laravel-echo")?;
    Ok(modules.join("laravel-echo/dist/echo.js"))
}
